// NF4 to bf16, f16 or f32, one pass: a table look-up and one multiplication an element, the second quantisation of the scales
// undone on the way. Reads half a byte and writes two (bf16, f16) an element, so it is bound by the writes.
#include "cuda/nf4.h"
#include "cuda/real.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

// Two roundings, as in bitsandbytes.functional.dequantize_4bit: no fused multiply-add.
__device__ inline float scaleOf(const Nf4Matrix& matrix, int64_t block) {
  if (!matrix.absmaxCodes) return __ldg(matrix.absmax + block);
  const float product = __fmul_rn(__ldg(matrix.nestedCode + matrix.absmaxCodes[block]),
                                  __ldg(matrix.nestedAbsmax + block / matrix.nestedBlockSize));
  return __fadd_rn(product, matrix.offset);
}

__device__ inline float scaleByShift(const Nf4Matrix& matrix, const float* nestedCode, int64_t block) {
  if (!matrix.absmaxCodes) return __ldg(matrix.absmax + block);
  const float product = __fmul_rn(nestedCode[__ldg(matrix.absmaxCodes + block)], __ldg(matrix.nestedAbsmax + (block >> matrix.nestedShift)));
  return __fadd_rn(product, matrix.offset);
}

// Eight elements of one block a thread; width and blockSize are multiples of 8, block sizes powers of two.
template <typename T>
__global__ void dequantizeEightKernel(Nf4Matrix matrix, int64_t rows, int64_t width, T* target, int64_t stride) {
  __shared__ float table[16], nestedCode[256];
  if (threadIdx.x < 16) table[threadIdx.x] = matrix.code[threadIdx.x];
  if (matrix.absmaxCodes)
    for (int i = threadIdx.x; i < 256; i += blockDim.x) nestedCode[i] = matrix.nestedCode[i];
  __syncthreads();
  const int64_t column = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * 8;
  if (column >= width) return;
#pragma unroll 4
  for (int64_t row = blockIdx.y; row < rows; row += gridDim.y) {
    const int64_t at = row * width + column;
    const uint32_t codes = __ldg(reinterpret_cast<const uint32_t*>(matrix.packed + at / 2));
    const float scale = scaleByShift(matrix, nestedCode, at >> matrix.blockShift);
    constexpr int n = 16 / sizeof(T);
    for (int part = 0; part < 8; part += n) {
      Pack<T, n> pack;
#pragma unroll
      for (int i = 0; i < n; i++) {
        const int element = part + i, shift = element / 2 * 8 + (element % 2 ? 0 : 4);
        pack.set(i, table[(codes >> shift) & 15] * scale);
      }
      store(target + row * stride + column + part, pack);
    }
  }
}

__device__ inline float valueAt(const Nf4Matrix& matrix, int64_t at) {
  const uint8_t byte = matrix.packed[at / 2];
  return matrix.code[at % 2 ? byte & 15 : byte >> 4] * scaleOf(matrix, at / matrix.blockSize);
}

template <typename T>
__global__ void dequantizeOneKernel(Nf4Matrix matrix, int64_t rows, int64_t width, T* target, int64_t stride) {
  const int64_t at = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (at < rows * width) target[at / width * stride + at % width] = fromFloat<T>(valueAt(matrix, at));
}

template <typename T>
__global__ void gatherKernel(Nf4Matrix matrix, const int32_t* ids, int64_t width, T* target) {
  const int64_t from = int64_t{ids[blockIdx.x]} * width, to = int64_t{blockIdx.x} * width;
  for (int64_t i = threadIdx.x; i < width; i += blockDim.x) target[to + i] = fromFloat<T>(valueAt(matrix, from + i));
}

__global__ void dequantizeBlockwiseKernel(const uint8_t* codes, const float* absmax, int64_t count, int64_t blockSize,
                                          const float* code, float* values) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < count) values[i] = code[codes[i]] * absmax[i / blockSize];
}

// --- launchers -------------------------------------------------------------------------------------------------

int shiftOf(int64_t blockSize) {
  int shift = 0;
  while ((int64_t{1} << shift) < blockSize) shift++;
  return (int64_t{1} << shift) == blockSize ? shift : -1;
}

// A block's tables are worth several rows.
constexpr int64_t rowsPerBlock = 8;

void dequantizeNf4(const Nf4Matrix& matrix, int64_t rows, int64_t width, void* target, Dtype dtype, int64_t stride) {
  if (rows == 0 || width == 0) return;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    T* to = static_cast<T*>(target);
    const bool fast = width % 8 == 0 && hasShifts(matrix) && stride * sizeof(T) % 16 == 0 && aligned(target, 16) &&
                      aligned(matrix.packed, 4);
    if (fast) {
      const int threads = width >= 2048 ? 256 : 64;
      const dim3 grid(ceilDiv(width / 8, threads), static_cast<unsigned>(std::min<int64_t>(ceilDiv(rows, rowsPerBlock), 65535)));
      dequantizeEightKernel<<<grid, threads, 0, stream()>>>(matrix, rows, width, to, stride);
    } else {
      dequantizeOneKernel<<<ceilDiv(rows * width, 256), 256, 0, cuda::stream()>>>(matrix, rows, width, to, stride);
    }
  });
  cudaCheckLaunch();
}

void gatherNf4(const Nf4Matrix& matrix, const int32_t* ids, int64_t count, int64_t width, void* target, Dtype dtype) {
  if (count == 0) return;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    gatherKernel<<<static_cast<unsigned>(count), 256, 0, stream()>>>(matrix, ids, width, static_cast<T*>(target));
  });
  cudaCheckLaunch();
}

void dequantizeBlockwise(const uint8_t* codes, const float* absmax, int64_t count, int64_t blockSize, const float* code, float* values) {
  if (count == 0) return;
  dequantizeBlockwiseKernel<<<ceilDiv(count, 256), 256, 0, stream()>>>(codes, absmax, count, blockSize, code, values);
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
