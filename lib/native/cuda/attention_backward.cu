// Causal attention, backward, after FlashAttention (Dao et al. 2022): probabilities are made again from the scores and the
// kept log sum exp.
//   P = exp(S - lse), dV = Pᵀ dO, dP = dO Vᵀ, dS = P (dP - rowsum(dO O)), dQ = dS K, dK = dSᵀ Q.
// Two kernels, one for dK and dV (a block a tile of keys and a key/value head) and one for dQ (a block a tile of queries
// and a head). The scores are made twice, but nothing is added up by atomics: the result does not depend on timing.
#include "cuda/attention.h"
#include "cuda/mma.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

constexpr int tileRows = attentionTileRows;
constexpr int threads = 128;
constexpr float log2e = 1.4426950408889634f;

// delta[row, head] = sum(dOut * out), one warp each.
template <typename T>
__global__ void deltaKernel(const T* out, const T* dOut, int64_t stride, int64_t rows, int heads, int dim, float* delta) {
  const int64_t item = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) / 32;
  if (item >= rows * heads) return;
  const int64_t at = item / heads * stride + item % heads * dim;
  float sum = 0;
  for (int i = threadIdx.x % 32; i < dim; i += 32) sum += toFloat(out[at + i]) * toFloat(dOut[at + i]);
  sum = warpSum(sum);
  if (threadIdx.x % 32 == 0) delta[item] = sum;
}

// Four warps of 16 queries.
template <typename T, int dim>
__global__ void __launch_bounds__(threads)
    queryGradientKernel(const T* __restrict__ q, const T* __restrict__ k, const T* __restrict__ v, int64_t strideQ,
                        int64_t strideKv, int heads, int group, const AttentionTile* tiles, float scale,
                        const T* __restrict__ dOut, int64_t strideOut, const float* lse, const float* delta, T* dq) {
  extern __shared__ __align__(128) char memory[];
  constexpr uint32_t tileBytes = tileRows * dim * halfBytes;
  const uint32_t queries = sharedAddress(memory), gradients = queries + tileBytes, keys = gradients + tileBytes,
                 values = keys + 2 * tileBytes;
  const AttentionTile tile = tiles[blockIdx.x];
  const int head = blockIdx.y, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int64_t at = int64_t{tile.firstRow} * strideQ + head * dim;
  k += tile.keyBase * strideKv + head / group * dim;
  v += tile.keyBase * strideKv + head / group * dim;
  const int seen = tile.offset + tile.rows, steps = (seen + tileRows - 1) / tileRows;
  copyTile<dim, tileRows, threads>(queries, q + at, strideQ, tile.rows);
  copyTile<dim, tileRows, threads>(gradients, dOut + tile.firstRow * strideOut + head * dim, strideOut, tile.rows);
  copyTile<dim, tileRows, threads>(keys, k, strideKv, min(tileRows, seen));
  copyTile<dim, tileRows, threads>(values, v, strideKv, min(tileRows, seen));
  commitCopies();

  float shift[2], pull[2];
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int row = warp * 16 + lane / 4 + half * 8;
    const int64_t item = int64_t{tile.firstRow + row} * heads + head;
    shift[half] = row < tile.rows ? lse[item] * log2e : INFINITY;
    pull[half] = row < tile.rows ? delta[item] : 0.0f;
  }
  const float scaleLog2 = scale * log2e;
  float result[dim / 8][4] = {};
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
    float score[tileRows / 8][4] = {}, dp[tileRows / 8][4] = {};
#pragma unroll
    for (int i = 0; i < dim / 16; i++) {
      uint32_t left[4], given[4];
      loadLeft<dim>(left, queries, warp * 16, i * 2);
      loadLeft<dim>(given, gradients, warp * 16, i * 2);
#pragma unroll
      for (int j = 0; j < tileRows / 16; j++) {
        uint32_t b[4];
        loadRight<dim>(b, keys + buffer, j * 16, i * 2);
        multiply<T>(score[2 * j], left, b[0], b[1]);
        multiply<T>(score[2 * j + 1], left, b[2], b[3]);
        loadRight<dim>(b, values + buffer, j * 16, i * 2);
        multiply<T>(dp[2 * j], given, b[0], b[1]);
        multiply<T>(dp[2 * j + 1], given, b[2], b[3]);
      }
    }
    const int firstKey = step * tileRows;
    const bool diagonal = firstKey + tileRows - 1 > tile.offset;
#pragma unroll
    for (int j = 0; j < tileRows / 8; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const int half = i / 2, key = firstKey + j * 8 + lane % 4 * 2 + i % 2;
        const bool hidden = diagonal && key > tile.offset + warp * 16 + lane / 4 + half * 8;
        const float p = hidden ? 0.0f : exp2f(score[j][i] * scaleLog2 - shift[half]);
        score[j][i] = p * (dp[j][i] - pull[half]) * scale;
      }
#pragma unroll
    for (int i = 0; i < tileRows / 16; i++) {
      uint32_t ds[4];
      asLeft<T>(ds, score[2 * i], score[2 * i + 1]);
#pragma unroll
      for (int j = 0; j < dim / 16; j++) {
        uint32_t b[4];
        loadRightTransposed<dim>(b, keys + buffer, i * 16, j * 2);
        multiply<T>(result[2 * j], ds, b[0], b[1]);
        multiply<T>(result[2 * j + 1], ds, b[2], b[3]);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int row = warp * 16 + lane / 4 + half * 8;
    if (row >= tile.rows) continue;
    T* target = dq + at + row * strideQ + lane % 4 * 2;
#pragma unroll
    for (int j = 0; j < dim / 8; j++)
      *reinterpret_cast<uint32_t*>(target + j * 8) = packPair<T>(result[j][2 * half], result[j][2 * half + 1]);
  }
}

// Four warps of 16 keys; queries of all heads of the group pass by in steps of 32. Scores are made transposed, keys as rows,
// so that they are left operands of both products as they lie in the registers.
constexpr int queryStep = 32;

template <typename T, int dim>
__global__ void __launch_bounds__(threads)
    keyGradientKernel(const T* __restrict__ q, const T* __restrict__ k, const T* __restrict__ v, int64_t strideQ,
                      int64_t strideKv, int heads, int group, const AttentionTile* tiles, float scale,
                      const T* __restrict__ dOut, int64_t strideOut, const float* lse, const float* delta, T* dk, T* dv) {
  extern __shared__ __align__(128) char memory[];
  constexpr uint32_t tileBytes = tileRows * dim * halfBytes, stepBytes = queryStep * dim * halfBytes;
  const uint32_t keys = sharedAddress(memory), values = keys + tileBytes, queries = values + tileBytes,
                 gradients = queries + 2 * stepBytes;
  __shared__ float shifts[2][queryStep], pulls[2][queryStep];
  // Tiles come with the longest rows of keys first; here late queries are many for early keys, so the order is reversed.
  const AttentionTile tile = tiles[gridDim.x - 1 - blockIdx.x];
  const int kvHead = blockIdx.y, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int64_t at = int64_t{tile.firstRow} * strideKv + kvHead * dim;
  copyTile<dim, tileRows, threads>(keys, k + at, strideKv, tile.rows);
  copyTile<dim, tileRows, threads>(values, v + at, strideKv, tile.rows);

  const int stepsPerHead = (tile.length - tile.offset + queryStep - 1) / queryStep, steps = group * stepsPerHead;
  // Copies the queries of a step, counted over the heads of the group.
  const auto fetch = [&](int step) {
    const int head = kvHead * group + step / stepsPerHead, first = tile.offset + step % stepsPerHead * queryStep;
    const int count = min(queryStep, tile.length - first), buffer = step % 2;
    const int64_t row = tile.keyBase + first;
    copyTile<dim, queryStep, threads>(queries + buffer * stepBytes, q + row * strideQ + head * dim, strideQ, count);
    copyTile<dim, queryStep, threads>(gradients + buffer * stepBytes, dOut + row * strideOut + head * dim, strideOut, count);
    if (threadIdx.x < queryStep) {
      const bool present = threadIdx.x < count;
      const int64_t item = (row + threadIdx.x) * heads + head;
      shifts[buffer][threadIdx.x] = present ? lse[item] * log2e : INFINITY;
      pulls[buffer][threadIdx.x] = present ? delta[item] : 0.0f;
    }
    commitCopies();
  };
  fetch(0);

  const float scaleLog2 = scale * log2e;
  float keyResult[dim / 8][4] = {}, valueResult[dim / 8][4] = {};
  for (int step = 0; step < steps; step++) {
    const int buffer = step % 2;
    const uint32_t query = queries + buffer * stepBytes, gradient = gradients + buffer * stepBytes;
    if (step + 1 < steps) {
      fetch(step + 1);
      waitCopies<1>();
    } else {
      waitCopies<0>();
    }
    __syncthreads();
    float score[queryStep / 8][4] = {}, dp[queryStep / 8][4] = {};
#pragma unroll
    for (int i = 0; i < dim / 16; i++) {
      uint32_t key[4], value[4];
      loadLeft<dim>(key, keys, warp * 16, i * 2);
      loadLeft<dim>(value, values, warp * 16, i * 2);
#pragma unroll
      for (int j = 0; j < queryStep / 16; j++) {
        uint32_t b[4];
        loadRight<dim>(b, query, j * 16, i * 2);
        multiply<T>(score[2 * j], key, b[0], b[1]);
        multiply<T>(score[2 * j + 1], key, b[2], b[3]);
        loadRight<dim>(b, gradient, j * 16, i * 2);
        multiply<T>(dp[2 * j], value, b[0], b[1]);
        multiply<T>(dp[2 * j + 1], value, b[2], b[3]);
      }
    }
    // Place of the step's first query relative to the tile's first key.
    const int ahead = step % stepsPerHead * queryStep;
#pragma unroll
    for (int j = 0; j < queryStep / 8; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const int column = j * 8 + lane % 4 * 2 + i % 2, row = warp * 16 + lane / 4 + i / 2 * 8;
        const float p = ahead + column < row ? 0.0f : exp2f(score[j][i] * scaleLog2 - shifts[buffer][column]);
        score[j][i] = p;
        dp[j][i] = p * (dp[j][i] - pulls[buffer][column]) * scale;
      }
#pragma unroll
    for (int i = 0; i < queryStep / 16; i++) {
      uint32_t p[4], ds[4];
      asLeft<T>(p, score[2 * i], score[2 * i + 1]);
      asLeft<T>(ds, dp[2 * i], dp[2 * i + 1]);
#pragma unroll
      for (int j = 0; j < dim / 16; j++) {
        uint32_t b[4];
        loadRightTransposed<dim>(b, gradient, i * 16, j * 2);
        multiply<T>(valueResult[2 * j], p, b[0], b[1]);
        multiply<T>(valueResult[2 * j + 1], p, b[2], b[3]);
        loadRightTransposed<dim>(b, query, i * 16, j * 2);
        multiply<T>(keyResult[2 * j], ds, b[0], b[1]);
        multiply<T>(keyResult[2 * j + 1], ds, b[2], b[3]);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int row = warp * 16 + lane / 4 + half * 8;
    if (row >= tile.rows) continue;
    const int64_t target = at + row * strideKv + lane % 4 * 2;
#pragma unroll
    for (int j = 0; j < dim / 8; j++) {
      *reinterpret_cast<uint32_t*>(dk + target + j * 8) = packPair<T>(keyResult[j][2 * half], keyResult[j][2 * half + 1]);
      *reinterpret_cast<uint32_t*>(dv + target + j * 8) = packPair<T>(valueResult[j][2 * half], valueResult[j][2 * half + 1]);
    }
  }
}

// --- launchers -------------------------------------------------------------------------------------------------

template <typename T, int dim>
static void launch(const AttentionInputs& inputs, const void* dOut, int64_t strideOut, const float* lse, const float* delta, void* dq,
                   void* dk, void* dv) {
  constexpr int tileBytes = tileRows * dim * halfBytes;
  constexpr int queryBytes = 6 * tileBytes, keyBytes = 2 * tileBytes + 4 * (tileBytes * queryStep / tileRows);
  cudaCheck(cudaFuncSetAttribute(queryGradientKernel<T, dim>, cudaFuncAttributeMaxDynamicSharedMemorySize, queryBytes));
  cudaCheck(cudaFuncSetAttribute(keyGradientKernel<T, dim>, cudaFuncAttributeMaxDynamicSharedMemorySize, keyBytes));
  const QkvShape& shape = inputs.shape;
  const int heads = static_cast<int>(shape.heads), group = static_cast<int>(shape.heads / shape.kvHeads);
  const float scale = 1.0f / sqrtf(static_cast<float>(dim));
  const auto* q = static_cast<const T*>(inputs.q);
  const auto* k = static_cast<const T*>(inputs.k);
  const auto* v = static_cast<const T*>(inputs.v);
  keyGradientKernel<T, dim><<<dim3(inputs.tileCount, static_cast<unsigned>(shape.kvHeads)), threads, keyBytes, stream()>>>(
      q, k, v, inputs.strideQ, inputs.strideKv, heads, group, inputs.tiles, scale, static_cast<const T*>(dOut), strideOut, lse, delta,
      static_cast<T*>(dk), static_cast<T*>(dv));
  cudaCheckLaunch();
  queryGradientKernel<T, dim><<<dim3(inputs.tileCount, static_cast<unsigned>(heads)), threads, queryBytes, stream()>>>(
      q, k, v, inputs.strideQ, inputs.strideKv, heads, group, inputs.tiles, scale, static_cast<const T*>(dOut), strideOut, lse, delta,
      static_cast<T*>(dq));
  cudaCheckLaunch();
}

void attentionBackward(const AttentionInputs& inputs, const void* out, const void* dOut, int64_t strideOut, const float* lse,
                       float* delta, int64_t rows, void* dq, void* dk, void* dv) {
  if (inputs.tileCount == 0) return;
  withReal(inputs.dtype, [&](auto t) {
    using T = decltype(t);
    deltaKernel<<<ceilDiv(rows * inputs.shape.heads, 8), 256, 0, stream()>>>(
        static_cast<const T*>(out), static_cast<const T*>(dOut), strideOut, rows, static_cast<int>(inputs.shape.heads),
        static_cast<int>(inputs.shape.headDim), delta);
  });
  cudaCheckLaunch();
  if (!attentionUsesTensorCores(inputs, strideOut) || !aligned(dOut, 16)) {
    attentionBackwardPlain(inputs, dOut, strideOut, lse, delta, dq, dk, dv);
    return;
  }
  withHalf(inputs.dtype, [&](auto t) {
    using T = decltype(t);
    if (inputs.shape.headDim == 64)
      launch<T, 64>(inputs, dOut, strideOut, lse, delta, dq, dk, dv);
    else
      launch<T, 128>(inputs, dOut, strideOut, lse, delta, dq, dk, dv);
  });
}

}  // namespace tunelab::cuda
