// Causal attention, forward, after FlashAttention-2 (Dao 2023): one block takes 64 queries of one head and passes over
// the keys they see in tiles of 64, with an online softmax in registers; nothing of size tokens x tokens is stored. Four
// warps of 16 queries each; the next tile of keys and values is copied while this one is multiplied.
#include "cuda/attention.h"
#include "cuda/mma.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

constexpr int tileRows = attentionTileRows;
constexpr int threads = 128;

// Three blocks a multiprocessor hide each other's softmax.
template <typename T, int dim>
__global__ void __launch_bounds__(threads, 3)
    attentionForwardKernel(const T* __restrict__ q, const T* __restrict__ k, const T* __restrict__ v, int64_t strideQ,
                           int64_t strideKv, int heads, int group, const AttentionTile* tiles, float scaleLog2, T* out,
                           int64_t strideOut, float* lse) {
  extern __shared__ __align__(128) char memory[];
  constexpr uint32_t tileBytes = tileRows * dim * halfBytes;
  const uint32_t keys = sharedAddress(memory), values = keys + 2 * tileBytes;
  const AttentionTile tile = tiles[blockIdx.x];
  const int head = blockIdx.y, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  q += tile.firstRow * strideQ + head * dim;
  k += tile.keyBase * strideKv + head / group * dim;
  v += tile.keyBase * strideKv + head / group * dim;
  const int seen = tile.offset + tile.rows, steps = (seen + tileRows - 1) / tileRows;

  // The queries pass through the second key buffer into registers.
  copyTile<dim, tileRows, threads>(keys + tileBytes, q, strideQ, tile.rows);
  commitCopies();
  copyTile<dim, tileRows, threads>(keys, k, strideKv, min(tileRows, seen));
  copyTile<dim, tileRows, threads>(values, v, strideKv, min(tileRows, seen));
  commitCopies();
  waitCopies<1>();
  __syncthreads();
  uint32_t query[dim / 16][4];
#pragma unroll
  for (int i = 0; i < dim / 16; i++) loadLeft<dim>(query[i], keys + tileBytes, warp * 16, i * 2);
  __syncthreads();

  float output[dim / 8][4] = {};
  float most[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};
  for (int step = 0; step < steps; step++) {
    const uint32_t buffer = step % 2 * tileBytes;
    if (step + 1 < steps) {
      const int next = (step + 1) * tileRows, count = min(tileRows, seen - next);
      copyTile<dim, tileRows, threads>(keys + (tileBytes - buffer), k + next * strideKv, strideKv, count);
      copyTile<dim, tileRows, threads>(values + (tileBytes - buffer), v + next * strideKv, strideKv, count);
      commitCopies();
      waitCopies<1>();
    } else {
      waitCopies<0>();
    }
    __syncthreads();

    float score[tileRows / 8][4] = {};
#pragma unroll
    for (int i = 0; i < dim / 16; i++)
#pragma unroll
      for (int j = 0; j < tileRows / 16; j++) {
        uint32_t b[4];
        loadRight<dim>(b, keys + buffer, j * 16, i * 2);
        multiply<T>(score[2 * j], query[i], b[0], b[1]);
        multiply<T>(score[2 * j + 1], query[i], b[2], b[3]);
      }

    const int firstKey = step * tileRows;
    if (firstKey + tileRows - 1 > tile.offset) {
#pragma unroll
      for (int j = 0; j < tileRows / 8; j++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
          const int key = firstKey + j * 8 + lane % 4 * 2 + i % 2;
          if (key > tile.offset + warp * 16 + lane / 4 + i / 2 * 8) score[j][i] = -INFINITY;
        }
    }
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float largest = most[half];
#pragma unroll
      for (int j = 0; j < tileRows / 8; j++) largest = fmaxf(largest, fmaxf(score[j][2 * half], score[j][2 * half + 1]));
      largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 1));
      largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 2));
      const float shrink = exp2f((most[half] - largest) * scaleLog2), shift = largest * scaleLog2;
      most[half] = largest;
      float part = 0;
#pragma unroll
      for (int j = 0; j < tileRows / 8; j++)
#pragma unroll
        for (int i = 0; i < 2; i++) {
          float& p = score[j][2 * half + i];
          p = exp2f(p * scaleLog2 - shift);
          part += p;
        }
      sum[half] = sum[half] * shrink + part;
#pragma unroll
      for (int j = 0; j < dim / 8; j++) {
        output[j][2 * half] *= shrink;
        output[j][2 * half + 1] *= shrink;
      }
    }
#pragma unroll
    for (int i = 0; i < tileRows / 16; i++) {
      uint32_t p[4];
      asLeft<T>(p, score[2 * i], score[2 * i + 1]);
#pragma unroll
      for (int j = 0; j < dim / 16; j++) {
        uint32_t b[4];
        loadRightTransposed<dim>(b, values + buffer, i * 16, j * 2);
        multiply<T>(output[2 * j], p, b[0], b[1]);
        multiply<T>(output[2 * j + 1], p, b[2], b[3]);
      }
    }
    __syncthreads();
  }

#pragma unroll
  for (int half = 0; half < 2; half++) {
    float total = sum[half];
    total += __shfl_xor_sync(0xffffffffu, total, 1);
    total += __shfl_xor_sync(0xffffffffu, total, 2);
    const int row = warp * 16 + lane / 4 + half * 8;
    if (row >= tile.rows) continue;
    const float scale = 1.0f / total;
    const int64_t at = tile.firstRow + row;
    T* target = out + at * strideOut + head * dim + lane % 4 * 2;
#pragma unroll
    for (int j = 0; j < dim / 8; j++)
      *reinterpret_cast<uint32_t*>(target + j * 8) = packPair<T>(output[j][2 * half] * scale, output[j][2 * half + 1] * scale);
    if (lse && lane % 4 == 0) lse[at * heads + head] = (most[half] * scaleLog2 + log2f(total)) * 0.6931471805599453f;
  }
}

// --- launchers -------------------------------------------------------------------------------------------------

bool attentionUsesTensorCores(const AttentionInputs& inputs, int64_t strideOut) {
  const int64_t dim = inputs.shape.headDim;
  return isHalf(inputs.dtype) && (dim == 64 || dim == 128) && inputs.strideQ % 8 == 0 && inputs.strideKv % 8 == 0 &&
         strideOut % 8 == 0 && aligned(inputs.q, 16) && aligned(inputs.k, 16) && aligned(inputs.v, 16);
}

template <typename T, int dim>
static void launch(const AttentionInputs& inputs, void* out, int64_t strideOut, float* lse) {
  constexpr int bytes = 4 * tileRows * dim * halfBytes;
  cudaCheck(cudaFuncSetAttribute(attentionForwardKernel<T, dim>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
  const QkvShape& shape = inputs.shape;
  const float scaleLog2 = 1.4426950408889634f / sqrtf(static_cast<float>(dim));
  attentionForwardKernel<T, dim><<<dim3(inputs.tileCount, static_cast<unsigned>(shape.heads)), threads, bytes, stream()>>>(
      static_cast<const T*>(inputs.q), static_cast<const T*>(inputs.k), static_cast<const T*>(inputs.v), inputs.strideQ,
      inputs.strideKv, static_cast<int>(shape.heads), static_cast<int>(shape.heads / shape.kvHeads), inputs.tiles, scaleLog2,
      static_cast<T*>(out), strideOut, lse);
  cudaCheckLaunch();
}

void attentionForward(const AttentionInputs& inputs, void* out, int64_t strideOut, float* lse) {
  if (inputs.tileCount == 0) return;
  if (!attentionUsesTensorCores(inputs, strideOut)) {
    attentionForwardPlain(inputs, out, strideOut, lse);
    return;
  }
  withHalf(inputs.dtype, [&](auto t) {
    using T = decltype(t);
    if (inputs.shape.headDim == 64)
      launch<T, 64>(inputs, out, strideOut, lse);
    else
      launch<T, 128>(inputs, out, strideOut, lse);
  });
}

}  // namespace tunelab::cuda
