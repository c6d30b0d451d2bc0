// Split-K decode attention: the keys of a sequence are cut into pieces of 64 that blocks take independently, so that one
// sequence fills the GPU; a second kernel joins their softmaxes. A block serves all query heads of one key head, so keys
// and values are read once for all of them.
#include "cuda/decode_attention.h"

#include "cuda/memory.h"
#include "cuda/real.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

constexpr int piece = 64, threads = 128, maxDim = decodeMaxDim;

// partial: for every (item, head, piece): dim sums, then the largest score and the sum of exponentials.
// `group` query heads a key head; keys are read n elements at a time.
template <typename T, int group, int n>
__global__ void __launch_bounds__(threads)
    decodePiecesKernel(QkvShape shape, const DecodeItem* items, const T* q, int64_t strideQ, const T* k, const T* v, float scale, int pieces,
                       float* partial) {
  __shared__ float queries[group][maxDim], scores[group][piece];
  const DecodeItem item = items[blockIdx.z];
  const int first = blockIdx.x * piece, count = min(piece, item.keys - first);
  if (count <= 0) return;
  const int dim = static_cast<int>(shape.headDim), kvHead = blockIdx.y;
  const int64_t kvWidth = shape.kvHeads * shape.headDim, at = int64_t{item.keyBase + first} * kvWidth + kvHead * dim;
  const T* query = q + item.row * strideQ + int64_t{kvHead} * group * dim;
  for (int i = threadIdx.x; i < group * dim; i += threads) queries[i / dim][i % dim] = toFloat(query[i]) * scale;
  __syncthreads();
  // Two threads a key.
  {
    const int key = threadIdx.x / 2, half = threadIdx.x % 2;
    float dots[group] = {};
    if (key < count) {
#pragma unroll 4
      for (int i = half * n; i < dim; i += 2 * n) {
        const Pack<T, n> pack = load<T, n>(k + at + key * kvWidth + i);
#pragma unroll
        for (int j = 0; j < n; j++)
#pragma unroll
          for (int g = 0; g < group; g++) dots[g] += queries[g][i + j] * pack.get(j);
      }
    }
#pragma unroll
    for (int g = 0; g < group; g++) {
      const float dot = dots[g] + __shfl_xor_sync(0xffffffffu, dots[g], 1);
      if (half == 0) scores[g][key] = key < count ? dot : -INFINITY;
    }
  }
  __syncthreads();
  float* target = partial + ((int64_t{blockIdx.z} * shape.heads + kvHead * group) * pieces + blockIdx.x) * (dim + 2);
  const int64_t headStep = int64_t{pieces} * (dim + 2);
  const int lane = threadIdx.x % 32;
  for (int g = threadIdx.x / 32; g < group; g += threads / 32) {
    const float low = scores[g][lane], high = scores[g][lane + 32], most = warpMax(fmaxf(low, high));
    const float p = expf(low - most), r = expf(high - most), sum = warpSum(p + r);
    scores[g][lane] = p;
    scores[g][lane + 32] = r;
    if (lane == 0) {
      target[g * headStep + dim] = most;
      target[g * headStep + dim + 1] = sum;
    }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < dim; i += threads) {
    float sums[group] = {};
#pragma unroll 8
    for (int key = 0; key < count; key++) {
      const float value = toFloat(v[at + key * kvWidth + i]);
#pragma unroll
      for (int g = 0; g < group; g++) sums[g] += scores[g][key] * value;
    }
#pragma unroll
    for (int g = 0; g < group; g++) target[g * headStep + i] = sums[g];
  }
}

template <typename T>
__global__ void decodeJoinKernel(const DecodeItem* items, int heads, int dim, int pieces, const float* partial, T* out, int64_t strideOut) {
  const DecodeItem item = items[blockIdx.y];
  const int head = blockIdx.x, used = (item.keys + piece - 1) / piece;
  const float* from = partial + (int64_t{blockIdx.y} * heads + head) * pieces * (dim + 2);
  float most = -INFINITY;
  for (int p = 0; p < used; p++) most = fmaxf(most, from[p * (dim + 2) + dim]);
  for (int i = threadIdx.x; i < dim; i += blockDim.x) {
    float sum = 0, total = 0;
    for (int p = 0; p < used; p++) {
      const float* part = from + p * (dim + 2);
      const float weight = expf(part[dim] - most);
      sum += weight * part[i];
      total += weight * part[dim + 1];
    }
    out[item.row * strideOut + head * dim + i] = fromFloat<T>(sum / total);
  }
}

template <typename T>
__global__ void appendKernel(const T* qkv, QkvShape shape, const int32_t* targets, T* cacheK, T* cacheV) {
  const int64_t kvWidth = shape.kvHeads * shape.headDim, qWidth = shape.heads * shape.headDim;
  const T* from = qkv + int64_t{blockIdx.x} * (qWidth + 2 * kvWidth) + qWidth;
  const int64_t to = int64_t{targets[blockIdx.x]} * kvWidth;
  for (int64_t i = threadIdx.x; i < kvWidth; i += blockDim.x) {
    cacheK[to + i] = from[i];
    cacheV[to + i] = from[kvWidth + i];
  }
}

// --- launchers -------------------------------------------------------------------------------------------------

// Calls f with the group size as a constant.
template <int size = 1, typename F>
static void withGroup(int group, F f) {
  if (group == size)
    f(std::integral_constant<int, size>{});
  else if constexpr (size < decodeMaxGroup)
    withGroup<size + 1>(group, f);
}

void decodeAttention(const QkvShape& shape, const DecodeItem* items, int count, int longest, const void* q, int64_t strideQ, const void* k,
                     const void* v, Dtype dtype, void* out, int64_t strideOut) {
  if (count == 0) return;
  const int pieces = ceilDiv(longest, piece), dim = static_cast<int>(shape.headDim);
  const Block partial(static_cast<size_t>(count) * static_cast<size_t>(shape.heads) * static_cast<size_t>(pieces) *
                          static_cast<size_t>(dim + 2) * sizeof(float), Owner::workspace);
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    constexpr int wide = 16 / sizeof(T);
    withGroup(static_cast<int>(shape.heads / shape.kvHeads), [&](auto group) {
      const auto launch = [&](auto n) {
        decodePiecesKernel<T, decltype(group)::value, decltype(n)::value>
            <<<dim3(pieces, static_cast<unsigned>(shape.kvHeads), count), threads, 0, stream()>>>(
                shape, items, static_cast<const T*>(q), strideQ, static_cast<const T*>(k), static_cast<const T*>(v),
                1.0f / sqrtf(static_cast<float>(dim)), pieces, partial.as<float>());
      };
      if (dim % wide == 0)
        launch(std::integral_constant<int, wide>{});
      else
        launch(std::integral_constant<int, 1>{});
    });
    decodeJoinKernel<<<dim3(static_cast<unsigned>(shape.heads), count), threads, 0, stream()>>>(
        items, static_cast<int>(shape.heads), dim, pieces, partial.as<float>(), static_cast<T*>(out), strideOut);
  });
  cudaCheckLaunch();
}

void appendToCache(const void* qkv, const QkvShape& shape, const int32_t* targets, int64_t rows, Dtype dtype, void* cacheK, void* cacheV) {
  if (rows == 0) return;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    appendKernel<<<static_cast<unsigned>(rows), 256, 0, stream()>>>(static_cast<const T*>(qkv), shape, targets, static_cast<T*>(cacheK),
                                                                   static_cast<T*>(cacheV));
  });
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
