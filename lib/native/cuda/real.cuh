// What the kernels share: arithmetic is float32 whatever the storage, memory is read and written in packs of up to 16
// bytes, sums within a block have a fixed order.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/dtype.h"

namespace tunelab::cuda {

using bf16 = __nv_bfloat16;
using f16 = __half;

__device__ inline float toFloat(float x) { return x; }
__device__ inline float toFloat(bf16 x) { return __bfloat162float(x); }
__device__ inline float toFloat(f16 x) { return __half2float(x); }
template <typename T>
__host__ __device__ T fromFloat(float x);
template <>
__host__ __device__ inline float fromFloat<float>(float x) {
  return x;
}
template <>
__host__ __device__ inline bf16 fromFloat<bf16>(float x) {
  return __float2bfloat16_rn(x);
}
// Beyond 65504 this is infinity, which loss scaling looks for in the gradients: nothing here saturates.
template <>
__host__ __device__ inline f16 fromFloat<f16>(float x) {
  return __float2half_rn(x);
}

template <typename T, int n>
struct alignas(sizeof(T) * n) Pack {
  T values[n];
  __device__ float get(int i) const { return toFloat(values[i]); }
  __device__ void set(int i, float x) { values[i] = fromFloat<T>(x); }
};
template <typename T, int n>
__device__ inline Pack<T, n> load(const T* at) {
  return *reinterpret_cast<const Pack<T, n>*>(at);
}
template <typename T, int n>
__device__ inline void store(T* at, const Pack<T, n>& pack) {
  *reinterpret_cast<Pack<T, n>*>(at) = pack;
}

__device__ inline float warpSum(float x) {
  for (int offset = 16; offset > 0; offset >>= 1) x += __shfl_xor_sync(0xffffffffu, x, offset);
  return x;
}
__device__ inline float warpMax(float x) {
  for (int offset = 16; offset > 0; offset >>= 1) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, offset));
  return x;
}

// The sum over all threads of a block, given to all of them; blockDim.x is a multiple of 32. Use once between barriers.
__device__ inline float blockSum(float x) {
  __shared__ float parts[32];
  const int warps = blockDim.x / 32, lane = threadIdx.x % 32;
  x = warpSum(x);
  __syncthreads();
  if (lane == 0) parts[threadIdx.x / 32] = x;
  __syncthreads();
  return warpSum(lane < warps ? parts[lane] : 0.0f);
}
__device__ inline float blockMax(float x) {
  __shared__ float parts[32];
  const int warps = blockDim.x / 32, lane = threadIdx.x % 32;
  x = warpMax(x);
  __syncthreads();
  if (lane == 0) parts[threadIdx.x / 32] = x;
  __syncthreads();
  return warpMax(lane < warps ? parts[lane] : -INFINITY);
}

inline int ceilDiv(int64_t a, int64_t b) { return static_cast<int>((a + b - 1) / b); }
inline bool aligned(const void* pointer, size_t bytes) { return reinterpret_cast<uintptr_t>(pointer) % bytes == 0; }

// Calls f(T{}) with the type behind a Dtype; for launchers of kernels that exist for float and both halves.
template <typename F>
void withReal(Dtype dtype, F f) {
  if (dtype == Dtype::bf16)
    f(bf16{});
  else if (dtype == Dtype::f16)
    f(f16{});
  else if (dtype == Dtype::f32)
    f(float{});
  else
    throw CudaError("This op takes f32, bf16 or f16 buffers only.");
}
// The same for the halves alone.
template <typename F>
void withHalf(Dtype dtype, F f) {
  if (!isHalf(dtype)) throw CudaError("This op takes bf16 or f16 buffers only.");
  if (dtype == Dtype::bf16)
    f(bf16{});
  else
    f(f16{});
}

}  // namespace tunelab::cuda
