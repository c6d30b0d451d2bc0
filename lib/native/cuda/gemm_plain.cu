// A tiled product in float32 arithmetic for the few shapes that cuBLASLt refuses (rows that no vector load fits).
// Simple rather than fast: no model of a usual size comes here.
#include <algorithm>

#include "cuda/gemm.h"
#include "cuda/real.cuh"

namespace tunelab::cuda {

constexpr int tile = 16;
// Products of one launch: as far as blockIdx.z goes.
constexpr int64_t mostProducts = 65535;

// --- kernels ---------------------------------------------------------------------------------------------------

template <typename In, typename Out>
__global__ void gemmPlainKernel(bool transposeA, bool transposeB, int m, int n, int k, float alpha, const In* a,
                                int64_t strideA, const In* b, int64_t strideB, float beta, const Out* c, Out* d, int64_t strideD,
                                Batch batch) {
  a += blockIdx.z * batch.strideA;
  b += blockIdx.z * batch.strideB;
  c += blockIdx.z * batch.strideD;
  d += blockIdx.z * batch.strideD;
  __shared__ float tileA[tile][tile + 1], tileB[tile][tile + 1];
  const int row = blockIdx.x * tile + threadIdx.y, column = blockIdx.y * tile + threadIdx.x;
  float sum = 0;
  for (int first = 0; first < k; first += tile) {
    const int ka = first + threadIdx.x, kb = first + threadIdx.y;
    const bool hasA = row < m && ka < k, hasB = column < n && kb < k;
    tileA[threadIdx.y][threadIdx.x] = hasA ? toFloat(transposeA ? a[ka * strideA + row] : a[row * strideA + ka]) : 0;
    tileB[threadIdx.y][threadIdx.x] = hasB ? toFloat(transposeB ? b[column * strideB + kb] : b[kb * strideB + column]) : 0;
    __syncthreads();
    for (int i = 0; i < tile; i++) sum += tileA[threadIdx.y][i] * tileB[i][threadIdx.x];
    __syncthreads();
  }
  if (row >= m || column >= n) return;
  sum *= alpha;
  if (beta != 0) sum += beta * toFloat(c[row * strideD + column]);
  d[row * strideD + column] = fromFloat<Out>(sum);
}

// --- launchers -------------------------------------------------------------------------------------------------

void gemmPlain(Transpose transposeA, Transpose transposeB, int64_t m, int64_t n, int64_t k, float alpha, const Matrix& a,
               const Matrix& b, float beta, const void* c, const Output& d, const Batch& batch) {
  withReal(a.dtype, [&](auto in) {
    const auto launch = [&](auto out) {
      using In = decltype(in);
      using Out = decltype(out);
      for (int64_t first = 0; first < batch.count; first += mostProducts) {
        const dim3 grid(ceilDiv(m, tile), ceilDiv(n, tile), static_cast<unsigned>(std::min(mostProducts, batch.count - first)));
        gemmPlainKernel<<<grid, dim3(tile, tile), 0, stream()>>>(
            transposeA == Transpose::yes, transposeB == Transpose::yes, static_cast<int>(m), static_cast<int>(n),
            static_cast<int>(k), alpha, static_cast<const In*>(a.data) + first * batch.strideA, a.stride,
            static_cast<const In*>(b.data) + first * batch.strideB, b.stride, beta,
            static_cast<const Out*>(c) + first * batch.strideD, static_cast<Out*>(d.data) + first * batch.strideD, d.stride, batch);
      }
    };
    if (d.dtype == Dtype::f32)
      launch(float{});
    else
      launch(in);
  });
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
