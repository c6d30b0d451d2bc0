// Row copies with conversion, LoRA's columns behind a weight, and dropout. The dropout mask is a pure function of (seed,
// projection, element), the same that the CPU op computes, so that backward makes it anew instead of storing it.
#include "cuda/real.cuh"
#include "cuda/rows.h"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

template <typename From, typename To>
__global__ void copyRowsKernel(const From* from, int64_t fromStride, To* to, int64_t toStride, int64_t rows, int64_t width) {
  const int64_t column = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (column >= width) return;
  for (int64_t row = blockIdx.y; row < rows; row += gridDim.y)
    to[row * toStride + column] = fromFloat<To>(toFloat(from[row * fromStride + column]));
}

template <typename T>
__global__ void loraColumnsKernel(const float* source, int64_t rows, int rank, float scaling, T* to, int64_t stride, int width, int at) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= rows * width) return;
  const int64_t row = i / width;
  const int column = static_cast<int>(i % width), j = column - at;
  to[row * stride + column] = fromFloat<T>(source && j >= 0 && j < rank ? scaling * source[row * rank + j] : 0.0f);
}

__device__ inline uint32_t mix32(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return x;
}

__device__ inline float dropoutFactor(const DropoutMask& mask, uint32_t element, float keepScale) {
  const float uniform = static_cast<float>(static_cast<int32_t>(mix32(element ^ mask.key) >> 8)) * (1.0f / 16777216.0f);
  return uniform < mask.probability ? 0.0f : keepScale;
}

template <typename T, bool add>
__global__ void maskRowsKernel(const T* from, int64_t fromStride, T* to, int64_t toStride, int64_t rows, int64_t width,
                               DropoutMask mask, float keepScale) {
  const int64_t column = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (column >= width) return;
  for (int64_t row = blockIdx.y; row < rows; row += gridDim.y) {
    const uint32_t element = static_cast<uint32_t>(row) * static_cast<uint32_t>(width) + static_cast<uint32_t>(column);
    const float value = toFloat(from[row * fromStride + column]) * dropoutFactor(mask, element, keepScale);
    T& target = to[row * toStride + column];
    target = fromFloat<T>(add ? toFloat(target) + value : value);
  }
}

// --- launchers -------------------------------------------------------------------------------------------------

static dim3 gridFor(int64_t rows, int64_t width) {
  return dim3(ceilDiv(width, 128), static_cast<unsigned>(std::min<int64_t>(rows, 65535)));
}

void copyRows(const void* from, Dtype fromType, int64_t fromStride, void* to, Dtype toType, int64_t toStride, int64_t rows,
              int64_t width) {
  if (rows == 0 || width == 0) return;
  if (fromType == toType) {
    const size_t size = sizeOf(fromType);
    cudaCheck(cudaMemcpy2DAsync(to, toStride * size, from, fromStride * size, width * size, rows, cudaMemcpyDeviceToDevice, stream()));
    return;
  }
  withReal(fromType, [&](auto f) {
    withReal(toType, [&](auto t) {
      using From = decltype(f);
      using To = decltype(t);
      copyRowsKernel<<<gridFor(rows, width), 128, 0, stream()>>>(static_cast<const From*>(from), fromStride, static_cast<To*>(to),
                                                                toStride, rows, width);
    });
  });
  cudaCheckLaunch();
}

void loraColumns(const float* source, int64_t rows, int64_t rank, float scaling, void* to, Dtype dtype, int64_t stride,
                 int64_t width, int64_t at) {
  if (rows == 0 || width == 0) return;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    loraColumnsKernel<<<ceilDiv(rows * width, 256), 256, 0, cuda::stream()>>>(source, rows, static_cast<int>(rank), scaling, static_cast<T*>(to),
                                                                       stride, static_cast<int>(width), static_cast<int>(at));
  });
  cudaCheckLaunch();
}

template <bool add>
static void launchMask(const void* from, int64_t fromStride, void* to, int64_t toStride, Dtype dtype, int64_t rows, int64_t width,
                       const DropoutMask& mask) {
  if (rows == 0) return;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    maskRowsKernel<T, add><<<gridFor(rows, width), 128, 0, stream()>>>(static_cast<const T*>(from), fromStride, static_cast<T*>(to),
                                                                      toStride, rows, width, mask, 1.0f / (1.0f - mask.probability));
  });
  cudaCheckLaunch();
}

void maskRows(const void* from, int64_t fromStride, void* to, int64_t toStride, Dtype dtype, int64_t rows, int64_t width,
              const DropoutMask& mask) {
  launchMask<false>(from, fromStride, to, toStride, dtype, rows, width, mask);
}

void addMaskedRows(const void* from, int64_t fromStride, void* to, int64_t toStride, Dtype dtype, int64_t rows, int64_t width,
                   const DropoutMask& mask) {
  launchMask<true>(from, fromStride, to, toStride, dtype, rows, width, mask);
}

}  // namespace tunelab::cuda
