// Block-wise 8-bit codes, as bitsandbytes makes them (Dettmers et al. 2021).
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace tunelab {

// Which of bitsandbytes' implementations is followed bit for bit; lib/quant/variant.ts lists the differences.
enum class Variant { cpu, cuda };

// Maps a value in [-1, 1] to the index of a near entry of a 256-entry code.
class Encoder8 {
 public:
  Encoder8(const float* code, Variant variant);
  uint8_t operator()(float normed) const;
  const float* code() const { return code_.data(); }

 private:
  uint8_t search(float normed) const;
  std::array<float, 256> code_;
  // Variant cpu: the code of each of 65,536 equal steps from -1 to 1.
  std::shared_ptr<const std::vector<uint8_t>> steps_;
};

// Largest magnitude of the values; NaN is passed over.
float largestMagnitude(const float* values, int64_t count);

// One block: codes of values / scale, and the scale, which is the largest magnitude.
float quantizeBlock(const Encoder8& encoder, const float* values, int64_t count, uint8_t* codes);

}  // namespace tunelab
