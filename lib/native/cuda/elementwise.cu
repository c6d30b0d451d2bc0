#include "cuda/elementwise.h"

#include "cuda/real.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

template <typename From, typename To>
__global__ void convertKernel(const From* __restrict__ from, To* __restrict__ to, int64_t count) {
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step) to[i] = fromFloat<To>(toFloat(from[i]));
}

template <typename T>
__global__ void fillKernel(T* target, T value, int64_t count) {
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step) target[i] = value;
}

__global__ void addKernel(float* target, const float* source, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < count) target[i] += source[i];
}

template <typename T>
__global__ void biasKernel(T* x, int64_t stride, const float* bias, int64_t rows, int width) {
  const int64_t row = blockIdx.x;
  for (int i = threadIdx.x; i < width; i += blockDim.x)
    x[row * stride + i] = fromFloat<T>(toFloat(x[row * stride + i]) + bias[i]);
}

// --- launchers -------------------------------------------------------------------------------------------------

static int gridFor(int64_t count) { return static_cast<int>(std::min<int64_t>(ceilDiv(count, 256), 32768)); }

void convert(const void* from, Dtype fromType, void* to, Dtype toType, int64_t count) {
  if (count == 0) return;
  withReal(fromType, [&](auto f) {
    withReal(toType, [&](auto t) {
      using From = decltype(f);
      using To = decltype(t);
      convertKernel<<<gridFor(count), 256, 0, stream()>>>(static_cast<const From*>(from), static_cast<To*>(to), count);
    });
  });
  cudaCheckLaunch();
}

void fill(void* target, Dtype dtype, double value, int64_t count) {
  if (count == 0) return;
  if (dtype == Dtype::i32)
    fillKernel<<<gridFor(count), 256, 0, stream()>>>(static_cast<int32_t*>(target), static_cast<int32_t>(value), count);
  else if (dtype == Dtype::u8)
    fillKernel<<<gridFor(count), 256, 0, stream()>>>(static_cast<uint8_t*>(target), static_cast<uint8_t>(value), count);
  else
    withReal(dtype, [&](auto t) {
      using T = decltype(t);
      fillKernel<<<gridFor(count), 256, 0, stream()>>>(static_cast<T*>(target), fromFloat<T>(static_cast<float>(value)), count);
    });
  cudaCheckLaunch();
}

void addInPlace(float* target, const float* source, int64_t count) {
  if (count == 0) return;
  addKernel<<<ceilDiv(count, 256), 256, 0, stream()>>>(target, source, count);
  cudaCheckLaunch();
}

cudaError_t kernelImageError() {
  cudaFuncAttributes attributes;
  return cudaFuncGetAttributes(&attributes, addKernel);
}

void addBias(void* x, Dtype dtype, int64_t stride, const float* bias, int64_t rows, int64_t width) {
  if (!bias || rows == 0) return;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    biasKernel<<<static_cast<unsigned>(rows), 256, 0, stream()>>>(static_cast<T*>(x), stride, bias, rows, static_cast<int>(width));
  });
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
