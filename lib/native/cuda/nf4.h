// 4-bit NormalFloat matrices on the device, in bitsandbytes' layout.
#pragma once
#include <cstdint>

#include "cuda/dtype.h"

namespace tunelab::cuda {

struct Nf4Matrix {
  // Two codes a byte, the even element in the high nibble.
  const uint8_t* packed = nullptr;
  // One scale a block: float32, or codes of the second quantisation when absmaxCodes is set.
  const float* absmax = nullptr;
  const uint8_t* absmaxCodes = nullptr;
  int64_t blockSize = 0;
  const float* nestedAbsmax = nullptr;
  int64_t nestedBlockSize = 0;
  float offset = 0;
  const float* code = nullptr;        // 16 values
  const float* nestedCode = nullptr;  // 256 values
  // Logarithms of the block sizes, -1 for one that is no power of two. Divisions by a number that the compiler does not
  // know took longer than everything else in the kernels that read weights.
  int blockShift = -1, nestedShift = -1;
};
int shiftOf(int64_t blockSize);
// Whether blocks can be found by shifts.
inline bool hasShifts(const Nf4Matrix& matrix) { return matrix.blockShift >= 3 && (!matrix.absmaxCodes || matrix.nestedShift >= 0); }

// Rows [0, rows) of a matrix [.., width] into target, whose rows are `stride` apart.
void dequantizeNf4(const Nf4Matrix& matrix, int64_t rows, int64_t width, void* target, Dtype dtype, int64_t stride);

// Row ids[i] to row i of target [count, width]; ids are on the device.
void gatherNf4(const Nf4Matrix& matrix, const int32_t* ids, int64_t count, int64_t width, void* target, Dtype dtype);

// packed [ceil(count / 2)], absmax [ceil(count / blockSize)]; bitsandbytes' CUDA arithmetic. blockSize: 32 to 4096.
void quantizeNf4(const void* values, Dtype dtype, int64_t count, int64_t blockSize, uint8_t* packed, float* absmax);

// codes [count], absmax [ceil(count / blockSize)] of values - *offset (nullptr: 0); code has 256 ascending values.
void quantizeBlockwise(const float* values, const float* offset, int64_t count, int64_t blockSize, const float* code,
                       uint8_t* codes, float* absmax);
void dequantizeBlockwise(const uint8_t* codes, const float* absmax, int64_t count, int64_t blockSize, const float* code, float* values);

// *result = mean of the values, summed in float64.
void mean(const float* values, int64_t count, float* result);

}  // namespace tunelab::cuda
