// NF4 quantisation (Dettmers et al., QLoRA, 2023), bit for bit bitsandbytes': value / absmax of its block becomes the
// number of thresholds below it. lib/quant/nf4.ts is the same in TypeScript and lib/quant/variant.ts says where
// bitsandbytes' CPU and CUDA paths part.
#include "cpu/nf4.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "cpu/quant_state.h"
#include "cpu/variant.h"
#include "parallel.h"
#include "registrar.h"

namespace tunelab {

namespace {

// Quantiles of the standard normal distribution scaled to [-1, 1] (bitsandbytes csrc/kernels.cu).
constexpr float nf4Code[16] = {-1.0f,
                               -0.6961928009986877f,
                               -0.5250730514526367f,
                               -0.39491748809814453f,
                               -0.28444138169288635f,
                               -0.18477343022823334f,
                               -0.09105003625154495f,
                               0.0f,
                               0.07958029955625534f,
                               0.16093020141124725f,
                               0.24611230194568634f,
                               0.33791524171829224f,
                               0.44070982933044434f,
                               0.5626170039176941f,
                               0.7229568362236023f,
                               1.0f};

constexpr std::array<float, 15> cudaThresholds = {
    -0.8480964004993439f,   -0.6106329262256622f, -0.4599952697753906f, -0.33967943489551544f, -0.23460740596055984f,
    -0.13791173323988914f,  -0.045525018125772476f, 0.03979014977812767f, 0.1202552504837513f, 0.2035212516784668f,
    0.2920137718319893f,    0.3893125355243683f,  0.5016634166240692f,  0.6427869200706482f,   0.8614784181118011f};

std::array<float, 15> thresholdsOf(Variant variant) {
  if (variant == Variant::cuda) return cudaThresholds;
  std::array<float, 15> midpoints;
  for (size_t i = 0; i < 15; i++) midpoints[i] = (nf4Code[i] + nf4Code[i + 1]) / 2.0f;
  return midpoints;
}

// How many of the ascending thresholds lie below x; 0 for NaN.
inline uint8_t countBelow(const std::array<float, 15>& thresholds, float x) {
  unsigned count = x > thresholds[7] ? 8 : 0;
  if (x > thresholds[count + 3]) count += 4;
  if (x > thresholds[count + 1]) count += 2;
  if (x > thresholds[count]) count += 1;
  return static_cast<uint8_t>(count);
}

// The smallest scale that bitsandbytes' CPU path divides by.
constexpr float smallestScale = 1e-38f;

// quantizeNf4(values, blockSize, variant, packed, absmax)
Napi::Value quantize(const Napi::CallbackInfo& info) {
  const Span<float> values = floats(info[0], "values");
  const int64_t blockSize = integer(info[1], "blockSize", 2, 1 << 20), size = static_cast<int64_t>(values.size);
  // Blocks must not share a byte.
  if (blockSize % 2 != 0) refuse(info.Env(), "blockSize must be even.");
  const Variant variant = variantOf(info[2]);
  const int64_t blocks = (size + blockSize - 1) / blockSize;
  const Span<uint8_t> packed = bytes(info[3], "packed", (values.size + 1) / 2);
  const Span<float> absmax = floats(info[4], "absmax", static_cast<size_t>(blocks));
  const std::array<float, 15> thresholds = thresholdsOf(variant);
  parallelRanges(blocks, 64, [&](int64_t begin, int64_t end, int) {
    for (int64_t block = begin; block < end; block++) {
      const int64_t first = block * blockSize, count = std::min(blockSize, size - first);
      const bool incomplete = count < blockSize && variant == Variant::cpu;
      float scale = largestMagnitude(values.data + first, count);
      const float divisor = variant == Variant::cpu ? std::max(scale, smallestScale) : scale;
      if (incomplete) scale = divisor;
      absmax.data[block] = scale;
      const float reciprocal = 1.0f / divisor;
      const auto code = [&](int64_t i) -> uint8_t {
        // The pad of an odd number of values is a zero, whose code is 7.
        if (i >= size) return 7;
        return countBelow(thresholds, incomplete ? values.data[i] / divisor : values.data[i] * reciprocal);
      };
      for (int64_t i = first; i < first + count; i += 2)
        packed.data[i / 2] = static_cast<uint8_t>(code(i) << 4 | code(i + 1));
    }
  });
  return info.Env().Undefined();
}

// dequantizeNf4(state, values)
Napi::Value dequantize(const Napi::CallbackInfo& info) {
  const Span<float> values = floats(info[1], "values");
  const int64_t size = static_cast<int64_t>(values.size);
  const Nf4Matrix matrix = nf4Matrix(object(info[0], "state"), size, "state");
  const int64_t blocks = (size + matrix.blockSize - 1) / matrix.blockSize;
  parallelRanges(blocks, 256, [&](int64_t begin, int64_t end, int) {
    const int64_t first = begin * matrix.blockSize;
    dequantizeNf4Range(matrix, first, std::min(size, end * matrix.blockSize), values.data + first);
  });
  return info.Env().Undefined();
}

TUNELAB_OP(cpu, "quantizeNf4", quantize)
TUNELAB_OP(cpu, "dequantizeNf4", dequantize)

}  // namespace

}  // namespace tunelab
