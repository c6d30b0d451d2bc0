// SwiGLU (Shazeer 2020): silu(gate) * up in one pass over the output of the fused gate/up product. Backward overwrites
// gate and up by their gradients, which are the input of the next product.
#include "cuda/swiglu.h"

#include "cuda/real.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

__device__ inline float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

template <typename T, int n>
__global__ void swigluForwardKernel(T* gateUp, const float* gateBias, const float* upBias, int64_t rows, int64_t width, T* act,
                                    int64_t stride) {
  const int64_t column = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * n;
  if (column >= width) return;
  for (int64_t row = blockIdx.y; row < rows; row += gridDim.y) {
    T* at = gateUp + row * 2 * width + column;
    Pack<T, n> gate = load<T, n>(at), up = load<T, n>(at + width), out;
    if (gateBias)
      for (int i = 0; i < n; i++) gate.set(i, gate.get(i) + gateBias[column + i]);
    if (upBias)
      for (int i = 0; i < n; i++) up.set(i, up.get(i) + upBias[column + i]);
    if (gateBias) store(at, gate);
    if (upBias) store(at + width, up);
#pragma unroll
    for (int i = 0; i < n; i++) out.set(i, toFloat(fromFloat<T>(gate.get(i) * sigmoid(gate.get(i)))) * up.get(i));
    store(act + row * stride + column, out);
  }
}

template <typename T, int n>
__global__ void swigluBackwardKernel(T* gateUp, const T* dAct, int64_t stride, int64_t rows, int64_t width) {
  const int64_t column = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * n;
  if (column >= width) return;
  for (int64_t row = blockIdx.y; row < rows; row += gridDim.y) {
    T* at = gateUp + row * 2 * width + column;
    Pack<T, n> gate = load<T, n>(at), up = load<T, n>(at + width);
    const Pack<T, n> given = load<T, n>(dAct + row * stride + column);
#pragma unroll
    for (int i = 0; i < n; i++) {
      const float g = gate.get(i), s = sigmoid(g), d = given.get(i);
      gate.set(i, d * up.get(i) * s * (1.0f + g * (1.0f - s)));
      up.set(i, d * g * s);
    }
    store(at, gate);
    store(at + width, up);
  }
}

// --- launchers -------------------------------------------------------------------------------------------------

// Calls f(pack size, grid).
template <typename T, typename F>
static void withPack(int64_t rows, int64_t width, int64_t stride, F f) {
  constexpr int most = 16 / sizeof(T);
  const auto grid = [&](int n) { return dim3(ceilDiv(width / n, 128), static_cast<unsigned>(std::min<int64_t>(rows, 65535))); };
  if (width % most == 0 && stride % most == 0)
    f(std::integral_constant<int, most>{}, grid(most));
  else
    f(std::integral_constant<int, 1>{}, grid(1));
}

void swigluForward(void* gateUp, Dtype dtype, const float* gateBias, const float* upBias, int64_t rows, int64_t width, void* act,
                   int64_t stride) {
  if (rows == 0) return;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    withPack<T>(rows, width, stride, [&](auto n, dim3 grid) {
      swigluForwardKernel<T, decltype(n)::value><<<grid, 128, 0, cuda::stream()>>>(static_cast<T*>(gateUp), gateBias, upBias, rows, width,
                                                                            static_cast<T*>(act), stride);
    });
  });
  cudaCheckLaunch();
}

void swigluBackward(void* gateUp, Dtype dtype, const void* dAct, int64_t stride, int64_t rows, int64_t width) {
  if (rows == 0) return;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    withPack<T>(rows, width, stride, [&](auto n, dim3 grid) {
      swigluBackwardKernel<T, decltype(n)::value><<<grid, 128, 0, cuda::stream()>>>(static_cast<T*>(gateUp), static_cast<const T*>(dAct),
                                                                             stride, rows, width);
    });
  });
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
