// Causal attention in float32 arithmetic for any head dim up to 256: one warp a row, its lanes share out the keys for the
// scores and the columns for the sums. For small models and for float32; large ones run on the tensor cores.
#include "cuda/attention.h"
#include "cuda/real.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

constexpr int warps = 8;
constexpr int maxDim = 256;
constexpr int columnsPerLane = maxDim / 32;

template <typename T>
__device__ inline void loadRow(float* to, const T* from, int dim) {
  for (int i = threadIdx.x % 32; i < dim; i += 32) to[i] = toFloat(from[i]);
}
template <typename T>
__device__ inline float dotRow(const float* a, const T* b, int dim) {
  float sum = 0;
  for (int i = 0; i < dim; i++) sum += a[i] * toFloat(b[i]);
  return sum;
}
// sum[j] += weight of lane i * row i [column], over the first `count` lanes.
template <typename T>
__device__ inline void addRows(float (&sum)[columnsPerLane], float weight, const T* rows, int64_t stride, int count, int dim) {
  const int lane = threadIdx.x % 32;
  for (int i = 0; i < count; i++) {
    const float w = __shfl_sync(0xffffffffu, weight, i);
#pragma unroll
    for (int j = 0; j < columnsPerLane; j++)
      if (lane + 32 * j < dim) sum[j] += w * toFloat(rows[i * stride + lane + 32 * j]);
  }
}
template <typename T>
__device__ inline void storeRow(T* to, const float (&sum)[columnsPerLane], float scale, int dim) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int j = 0; j < columnsPerLane; j++)
    if (lane + 32 * j < dim) to[lane + 32 * j] = fromFloat<T>(sum[j] * scale);
}

template <typename T>
__global__ void __launch_bounds__(warps * 32)
    forwardKernel(const T* q, const T* k, const T* v, int64_t strideQ, int64_t strideKv, int heads, int group, int dim,
                  const AttentionTile* tiles, float scale, T* out, int64_t strideOut, float* lse) {
  __shared__ float queries[warps][maxDim];
  const AttentionTile tile = tiles[blockIdx.x];
  const int head = blockIdx.y, lane = threadIdx.x % 32;
  float* query = queries[threadIdx.x / 32];
  const int64_t keyAt = tile.keyBase * strideKv + head / group * dim;
  for (int i = threadIdx.x / 32; i < tile.rows; i += warps) {
    const int64_t row = tile.firstRow + i;
    __syncwarp();
    loadRow(query, q + row * strideQ + head * dim, dim);
    __syncwarp();
    const int seen = tile.offset + i + 1;
    float most = -INFINITY, sum = 0, result[columnsPerLane] = {};
    for (int first = 0; first < seen; first += 32) {
      const int count = min(32, seen - first);
      const float s = lane < count ? scale * dotRow(query, k + keyAt + (first + lane) * strideKv, dim) : -INFINITY;
      const float largest = fmaxf(most, warpMax(s)), shrink = expf(most - largest), p = expf(s - largest);
      most = largest;
      sum = sum * shrink + p;
#pragma unroll
      for (int j = 0; j < columnsPerLane; j++) result[j] *= shrink;
      addRows(result, p, v + keyAt + first * strideKv, strideKv, count, dim);
    }
    sum = warpSum(sum);
    storeRow(out + row * strideOut + head * dim, result, 1.0f / sum, dim);
    if (lse && lane == 0) lse[row * heads + head] = most + logf(sum);
  }
}

template <typename T>
__global__ void __launch_bounds__(warps * 32)
    plainQueryGradientKernel(const T* q, const T* k, const T* v, int64_t strideQ, int64_t strideKv, int heads, int group, int dim,
                             const AttentionTile* tiles, float scale, const T* dOut, int64_t strideOut, const float* lse, const float* delta, T* dq) {
  __shared__ float queries[warps][maxDim], gradients[warps][maxDim];
  const AttentionTile tile = tiles[blockIdx.x];
  const int head = blockIdx.y, lane = threadIdx.x % 32;
  float *query = queries[threadIdx.x / 32], *gradient = gradients[threadIdx.x / 32];
  const int64_t keyAt = tile.keyBase * strideKv + head / group * dim;
  for (int i = threadIdx.x / 32; i < tile.rows; i += warps) {
    const int64_t row = tile.firstRow + i;
    __syncwarp();
    loadRow(query, q + row * strideQ + head * dim, dim);
    loadRow(gradient, dOut + row * strideOut + head * dim, dim);
    __syncwarp();
    const float logSumExp = lse[row * heads + head], pull = delta[row * heads + head];
    const int seen = tile.offset + i + 1;
    float result[columnsPerLane] = {};
    for (int first = 0; first < seen; first += 32) {
      const int count = min(32, seen - first);
      float ds = 0;
      if (lane < count) {
        const int64_t at = keyAt + (first + lane) * strideKv;
        const float p = expf(scale * dotRow(query, k + at, dim) - logSumExp);
        ds = p * (dotRow(gradient, v + at, dim) - pull) * scale;
      }
      addRows(result, ds, k + keyAt + first * strideKv, strideKv, count, dim);
    }
    storeRow(dq + row * strideQ + head * dim, result, 1.0f, dim);
  }
}

template <typename T>
__global__ void __launch_bounds__(warps * 32)
    plainKeyGradientKernel(const T* q, const T* k, const T* v, int64_t strideQ, int64_t strideKv, int heads, int group, int dim,
                           const AttentionTile* tiles, float scale, const T* dOut, int64_t strideOut, const float* lse, const float* delta,
                           T* dk, T* dv) {
  __shared__ float keys[warps][maxDim], values[warps][maxDim];
  const AttentionTile tile = tiles[blockIdx.x];
  const int kvHead = blockIdx.y, lane = threadIdx.x % 32;
  float *key = keys[threadIdx.x / 32], *value = values[threadIdx.x / 32];
  for (int i = threadIdx.x / 32; i < tile.rows; i += warps) {
    const int64_t at = (tile.firstRow + i) * strideKv + kvHead * dim;
    __syncwarp();
    loadRow(key, k + at, dim);
    loadRow(value, v + at, dim);
    __syncwarp();
    float keyResult[columnsPerLane] = {}, valueResult[columnsPerLane] = {};
    for (int head = kvHead * group; head < (kvHead + 1) * group; head++)
      for (int first = tile.offset + i; first < tile.length; first += 32) {
        const int count = min(32, tile.length - first);
        const int64_t row = tile.keyBase + first;
        float p = 0, ds = 0;
        if (lane < count) {
          const int64_t item = (row + lane) * heads + head;
          p = expf(scale * dotRow(key, q + (row + lane) * strideQ + head * dim, dim) - lse[item]);
          ds = p * (dotRow(value, dOut + (row + lane) * strideOut + head * dim, dim) - delta[item]) * scale;
        }
        addRows(keyResult, ds, q + row * strideQ + head * dim, strideQ, count, dim);
        addRows(valueResult, p, dOut + row * strideOut + head * dim, strideOut, count, dim);
      }
    storeRow(dk + at, keyResult, 1.0f, dim);
    storeRow(dv + at, valueResult, 1.0f, dim);
  }
}

// --- launchers -------------------------------------------------------------------------------------------------

static int checkedDim(const AttentionInputs& inputs) {
  if (inputs.shape.headDim > maxDim)
    throw CudaError("Attention on the GPU supports head dims up to " + std::to_string(maxDim) + ", not " +
                    std::to_string(inputs.shape.headDim) + ".");
  return static_cast<int>(inputs.shape.headDim);
}

void attentionForwardPlain(const AttentionInputs& inputs, void* out, int64_t strideOut, float* lse) {
  const int dim = checkedDim(inputs), heads = static_cast<int>(inputs.shape.heads);
  withReal(inputs.dtype, [&](auto t) {
    using T = decltype(t);
    forwardKernel<<<dim3(inputs.tileCount, heads), warps * 32, 0, stream()>>>(
        static_cast<const T*>(inputs.q), static_cast<const T*>(inputs.k), static_cast<const T*>(inputs.v), inputs.strideQ,
        inputs.strideKv, heads, heads / static_cast<int>(inputs.shape.kvHeads), dim, inputs.tiles, 1.0f / sqrtf(static_cast<float>(dim)),
        static_cast<T*>(out), strideOut, lse);
  });
  cudaCheckLaunch();
}

void attentionBackwardPlain(const AttentionInputs& inputs, const void* dOut, int64_t strideOut, const float* lse, const float* delta,
                            void* dq, void* dk, void* dv) {
  const int dim = checkedDim(inputs), heads = static_cast<int>(inputs.shape.heads), kvHeads = static_cast<int>(inputs.shape.kvHeads);
  const float scale = 1.0f / sqrtf(static_cast<float>(dim));
  withReal(inputs.dtype, [&](auto t) {
    using T = decltype(t);
    const auto *q = static_cast<const T*>(inputs.q), *k = static_cast<const T*>(inputs.k), *v = static_cast<const T*>(inputs.v);
    plainQueryGradientKernel<<<dim3(inputs.tileCount, heads), warps * 32, 0, stream()>>>(
        q, k, v, inputs.strideQ, inputs.strideKv, heads, heads / kvHeads, dim, inputs.tiles, scale, static_cast<const T*>(dOut), strideOut,
        lse, delta, static_cast<T*>(dq));
    plainKeyGradientKernel<<<dim3(inputs.tileCount, kvHeads), warps * 32, 0, stream()>>>(
        q, k, v, inputs.strideQ, inputs.strideKv, heads, heads / kvHeads, dim, inputs.tiles, scale, static_cast<const T*>(dOut), strideOut,
        lse, delta, static_cast<T*>(dk), static_cast<T*>(dv));
  });
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
