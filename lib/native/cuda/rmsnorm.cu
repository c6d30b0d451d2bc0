// RMSNorm (Zhang and Sennrich 2019), one block a row. Backward adds the residual branch's gradient on the way out, so that
// the sum costs no pass of its own. In bf16 and f16 the normalised value is rounded before it is multiplied by the
// weight, as Hugging Face's Llama and Qwen2 do it.
#include "cuda/rmsnorm.h"

#include "cuda/real.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

template <typename T, int n>
__global__ void rmsNormForwardKernel(const T* x, const float* weight, float eps, int width, T* y, int64_t strideY, float* rstd) {
  const int64_t row = blockIdx.x;
  const T* source = x + row * width;
  float sum = 0;
  for (int i = threadIdx.x * n; i < width; i += blockDim.x * n) {
    const Pack<T, n> pack = load<T, n>(source + i);
#pragma unroll
    for (int j = 0; j < n; j++) sum += pack.get(j) * pack.get(j);
  }
  const float scale = rsqrtf(blockSum(sum) / static_cast<float>(width) + eps);
  if (rstd && threadIdx.x == 0) rstd[row] = scale;
  for (int i = threadIdx.x * n; i < width; i += blockDim.x * n) {
    const Pack<T, n> pack = load<T, n>(source + i);
    Pack<T, n> out;
#pragma unroll
    for (int j = 0; j < n; j++) out.set(j, toFloat(fromFloat<T>(pack.get(j) * scale)) * weight[i + j]);
    store(y + row * strideY + i, out);
  }
}

template <typename T, int n>
__global__ void rmsNormBackwardKernel(const T* x, const float* weight, const float* rstd, const T* dy, int64_t strideDy,
                                      const T* residual, int width, T* dx) {
  const int64_t row = blockIdx.x;
  const T* source = x + row * width;
  const T* given = dy + row * strideDy;
  float dot = 0;
  for (int i = threadIdx.x * n; i < width; i += blockDim.x * n) {
    const Pack<T, n> px = load<T, n>(source + i), pg = load<T, n>(given + i);
#pragma unroll
    for (int j = 0; j < n; j++) dot += pg.get(j) * weight[i + j] * px.get(j);
  }
  const float scale = rstd[row];
  const float pull = scale * scale * scale * blockSum(dot) / static_cast<float>(width);
  for (int i = threadIdx.x * n; i < width; i += blockDim.x * n) {
    const Pack<T, n> px = load<T, n>(source + i), pg = load<T, n>(given + i);
    Pack<T, n> out, other;
    if (residual) other = load<T, n>(residual + row * width + i);
#pragma unroll
    for (int j = 0; j < n; j++) {
      const float value = scale * weight[i + j] * pg.get(j) - pull * px.get(j);
      out.set(j, residual ? other.get(j) + value : value);
    }
    store(dx + row * width + i, out);
  }
}

// --- launchers -------------------------------------------------------------------------------------------------

// Calls f(pack size) with the widest pack that the rows allow.
template <typename T, typename F>
static void withPack(int64_t width, int64_t stride, F f) {
  constexpr int most = 16 / sizeof(T);
  if (width % most == 0 && stride % most == 0)
    f(std::integral_constant<int, most>{});
  else
    f(std::integral_constant<int, 1>{});
}

static int threadsFor(int64_t width) { return width >= 2048 ? 512 : width >= 512 ? 128 : 32; }

void rmsNormForward(const void* x, Dtype dtype, const float* weight, float eps, int64_t rows, int64_t width, void* y,
                    int64_t strideY, float* rstd) {
  if (rows == 0) return;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    withPack<T>(width, strideY, [&](auto n) {
      rmsNormForwardKernel<T, decltype(n)::value><<<static_cast<unsigned>(rows), threadsFor(width), 0, stream()>>>(
          static_cast<const T*>(x), weight, eps, static_cast<int>(width), static_cast<T*>(y), strideY, rstd);
    });
  });
  cudaCheckLaunch();
}

void rmsNormBackward(const void* x, Dtype dtype, const float* weight, const float* rstd, const void* dy, int64_t strideDy,
                     const void* residual, int64_t rows, int64_t width, void* dx) {
  if (rows == 0) return;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    withPack<T>(width, strideDy, [&](auto n) {
      rmsNormBackwardKernel<T, decltype(n)::value><<<static_cast<unsigned>(rows), threadsFor(width), 0, stream()>>>(
          static_cast<const T*>(x), weight, rstd, static_cast<const T*>(dy), strideDy, static_cast<const T*>(residual),
          static_cast<int>(width), static_cast<T*>(dx));
    });
  });
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
