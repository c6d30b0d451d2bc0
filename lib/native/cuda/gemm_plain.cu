// A tiled product in float32 arithmetic for the few shapes that cuBLASLt refuses (rows that no vector load fits).
// Simple rather than fast: no model of a usual size comes here.
#include "cuda/gemm.h"
#include "cuda/real.cuh"

namespace tunelab::cuda {

constexpr int tile = 16;

// --- kernels ---------------------------------------------------------------------------------------------------

template <typename In, typename Out>
__global__ void gemmPlainKernel(bool transposeA, bool transposeB, int m, int n, int k, float alpha, const In* a,
                                int64_t strideA, const In* b, int64_t strideB, float beta, const Out* c, Out* d, int64_t strideD) {
  __shared__ float tileA[tile][tile + 1], tileB[tile][tile + 1];
  const int row = blockIdx.y * tile + threadIdx.y, column = blockIdx.x * tile + threadIdx.x;
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
               const Matrix& b, float beta, const void* c, const Output& d) {
  withReal(a.dtype, [&](auto in) {
    withReal(d.dtype, [&](auto out) {
      using In = decltype(in);
      using Out = decltype(out);
      gemmPlainKernel<<<dim3(ceilDiv(n, tile), ceilDiv(m, tile)), dim3(tile, tile), 0, stream()>>>(
          transposeA == Transpose::yes, transposeB == Transpose::yes, static_cast<int>(m), static_cast<int>(n),
          static_cast<int>(k), alpha, static_cast<const In*>(a.data), a.stride, static_cast<const In*>(b.data), b.stride, beta,
          static_cast<const Out*>(c), static_cast<Out*>(d.data), d.stride);
    });
  });
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
