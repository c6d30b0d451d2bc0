#include "cuda/finite.h"

#include <algorithm>

#include "cuda/real.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

// The index in the upper half, so that the smallest number is the first value's.
template <typename T>
__device__ inline unsigned long long finding(T value, int64_t index) {
  const float x = toFloat(value);
  if (isfinite(x)) return ~0ull;
  return static_cast<unsigned long long>(index) << 32 | __float_as_uint(x);
}

template <typename T, int n>
__global__ void firstNonFiniteKernel(const T* __restrict__ values, int64_t count, unsigned long long* found) {
  const int64_t packs = count / n, step = int64_t{gridDim.x} * blockDim.x;
  const int64_t first = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  unsigned long long least = ~0ull;
  for (int64_t i = first; i < packs && least == ~0ull; i += step) {
    const Pack<T, n> pack = load<T, n>(values + i * n);
#pragma unroll
    for (int k = 0; k < n; k++) least = min(least, finding(pack.values[k], i * n + k));
  }
  const int64_t rest = packs * n + first;
  if (rest < count) least = min(least, finding(values[rest], rest));
  if (least != ~0ull) atomicMin(found, least);
}

// --- launchers -------------------------------------------------------------------------------------------------

void firstNonFinite(const void* values, Dtype dtype, int64_t count, uint32_t* found) {
  cudaCheck(cudaMemsetAsync(found, 0xff, 2 * sizeof(uint32_t), stream()));
  if (count == 0) return;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    constexpr int n = 16 / sizeof(T);
    const int blocks = std::min(ceilDiv(ceilDiv(count, n), 256), 8 * device().multiprocessors);
    firstNonFiniteKernel<T, n><<<blocks, 256, 0, stream()>>>(static_cast<const T*>(values), count, reinterpret_cast<unsigned long long*>(found));
  });
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
