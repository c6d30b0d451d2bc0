// A matrix of 4-bit codes as bitsandbytes packs it, and its expansion to float32.
#pragma once
#include <cstdint>

namespace tunelab {

struct Nf4Matrix {
  // Two codes a byte, the even element in the high nibble.
  const uint8_t* packed;
  // One scale a block: float32, or codes of the second quantisation when absmaxCodes is set.
  const float* absmax;
  const uint8_t* absmaxCodes;
  int64_t blockSize;
  const float* nestedAbsmax;
  int64_t nestedBlockSize;
  float offset;
  const float* code;        // 16 values
  const float* nestedCode;  // 256 values

  float scale(int64_t block) const;
};

// out[i - begin] = value of flat element i, for i in [begin, end).
void dequantizeNf4Range(const Nf4Matrix& matrix, int64_t begin, int64_t end, float* out);

}  // namespace tunelab
