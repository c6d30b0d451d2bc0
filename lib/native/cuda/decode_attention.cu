// Split-K decode attention: the keys of a sequence are cut into pieces that blocks take independently, so that one sequence
// fills the GPU; the block that ends last joins their softmaxes. A block serves all query heads of one key head, so keys
// and values are read once for all of them. Pieces follow the length that the device knows, so that one launch, recorded in
// a graph, serves a cache that grows.
#include "cuda/decode_attention.h"

#include "cuda/counters.h"
#include "cuda/mma.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

constexpr int chunk = 32, threads = 128, keyThreads = threads / chunk, maxDim = decodeMaxDim, maxPieces = 32;

// `group` query heads a key head. work: for every (item, key head, piece, query head) dim sums, then the largest score and the
// sum of exponentials.
template <typename T, int group>
__global__ void __launch_bounds__(threads)
    decodeAttentionKernel(QkvShape shape, const DecodeItem* items, const T* __restrict__ qkv, RopeTable rope, T* k, T* v, float scale, T* out,
                          int64_t strideOut, float* work, unsigned* allArrived) {
  __shared__ __align__(16) float queries[group][maxDim], scores[chunk][decodeMaxGroup];
  __shared__ float raw[group][chunk], most[group], total[group], shrink[group], weights[group][maxPieces];
  __shared__ bool isLast;
  extern __shared__ __align__(16) char dynamic[];
  T* values = reinterpret_cast<T*>(dynamic);
  const DecodeItem item = items[blockIdx.z];
  const int pieceKeys = (item.keys + gridDim.x * chunk - 1) / (gridDim.x * chunk) * chunk, pieces = (item.keys + pieceKeys - 1) / pieceKeys;
  const int piece = blockIdx.x;
  if (piece >= pieces) return;
  const int begin = piece * pieceKeys, end = min(begin + pieceKeys, item.keys);
  const int dim = static_cast<int>(shape.headDim), half = dim / 2, kvHead = blockIdx.y;
  const int64_t kvWidth = shape.kvHeads * shape.headDim, row = item.row * ((shape.heads + 2 * shape.kvHeads) * shape.headDim);
  const T* query = qkv + row + int64_t{kvHead} * group * dim;
  const T* freshKey = qkv + row + (shape.heads + kvHead) * shape.headDim;
  const int64_t at = int64_t{item.keyBase} * kvWidth + kvHead * dim;
  // The key that is appended here is not in the cache yet.
  const int fresh = rope.cosines ? item.keys - 1 : item.keys;

  // Keys and values are read n elements at a time.
  constexpr int n = 16 / sizeof(T), packs = maxDim / (keyThreads * n);
  const int keyInChunk = threadIdx.x / keyThreads, side = threadIdx.x % keyThreads;
  Pack<T, n> keyPacks[packs];
  // Everything that a chunk reads is asked for before the first of it is used.
  const auto fetch = [&](int first) {
    const int count = min(chunk, end - first);
    const int64_t from = at + int64_t{first} * kvWidth;
    for (int i = threadIdx.x * n; i < count * dim; i += threads * n) {
      const int key = i / dim;
      const T* source = first + key == fresh ? freshKey + kvWidth + i % dim : v + from + key * kvWidth + i % dim;
      asm volatile("cp.async.cg.shared.global [%0], [%1], 16;\n" ::"r"(sharedAddress(values + i)), "l"(source));
    }
    commitCopies();
    if (keyInChunk < count && first + keyInChunk != fresh) {
#pragma unroll
      for (int p = 0; p < packs; p++) {
        const int i = (p * keyThreads + side) * n;
        if (i < dim) keyPacks[p] = load<T, n>(k + from + keyInChunk * kvWidth + i);
      }
    }
  };
  fetch(begin);
  if (rope.cosines) {
    const float* cosine = rope.cosines + int64_t{item.keys - 1} * half;
    const float* sine = rope.sines + int64_t{item.keys - 1} * half;
    const auto rotated = [&](const T* head, int i, float& first, float& second) {
      const float x = toFloat(head[i]), y = toFloat(head[i + half]);
      first = toFloat(fromFloat<T>(x * cosine[i] - y * sine[i]));
      second = toFloat(fromFloat<T>(y * cosine[i] + x * sine[i]));
    };
#pragma unroll 4
    for (int i = threadIdx.x; i < group * half; i += threads) {
      const int g = i / half, j = i % half;
      float first, second;
      rotated(query + g * dim, j, first, second);
      queries[g][j] = first * scale;
      queries[g][j + half] = second * scale;
    }
    if (piece == pieces - 1) {
      const int64_t to = at + int64_t{fresh} * kvWidth;
      for (int i = threadIdx.x; i < half; i += threads) {
        float first, second;
        rotated(freshKey, i, first, second);
        k[to + i] = fromFloat<T>(first);
        k[to + i + half] = fromFloat<T>(second);
      }
      for (int i = threadIdx.x; i < dim; i += threads) v[to + i] = freshKey[kvWidth + i];
    }
  } else {
    for (int i = threadIdx.x; i < group * dim; i += threads) queries[i / dim][i % dim] = toFloat(query[i]) * scale;
  }
  if (threadIdx.x < group) {
    most[threadIdx.x] = -INFINITY;
    total[threadIdx.x] = 0;
  }
  float sums[group][maxDim / threads] = {};
  __syncthreads();
  for (int first = begin; first < end; first += chunk) {
    const int count = min(chunk, end - first);
    if (first > begin) fetch(first);
    {
      const T* key = k + at + int64_t{first + keyInChunk} * kvWidth;
      float dots[group] = {};
      if (keyInChunk < count) {
        const auto add = [&](const Pack<T, n>& pack, int i) {
#pragma unroll
          for (int g = 0; g < group; g++)
#pragma unroll
            for (int j = 0; j < n; j++) dots[g] += queries[g][i + j] * pack.get(j);
        };
        if (first + keyInChunk == fresh) {
          for (int i = side * n; i < dim; i += keyThreads * n) add(load<T, n>(key + i), i);
        } else {
#pragma unroll
          for (int p = 0; p < packs; p++)
            if ((p * keyThreads + side) * n < dim) add(keyPacks[p], (p * keyThreads + side) * n);
        }
      }
#pragma unroll
      for (int g = 0; g < group; g++) {
        float dot = dots[g];
#pragma unroll
        for (int offset = 1; offset < keyThreads; offset *= 2) dot += __shfl_xor_sync(0xffffffffu, dot, offset);
        if (side == 0) raw[g][keyInChunk] = keyInChunk < count ? dot : -INFINITY;
      }
    }
    __syncthreads();
    const int lane = threadIdx.x % 32;
    for (int g = threadIdx.x / 32; g < group; g += threads / 32) {
      const float score = raw[g][lane], before = most[g], now = fmaxf(before, warpMax(score));
      const float p = expf(score - now), sum = warpSum(p);
      scores[lane][g] = p;
      // Every lane has read the largest score so far before it is replaced.
      __syncwarp();
      if (lane == 0) {
        shrink[g] = expf(before - now);
        total[g] = total[g] * shrink[g] + sum;
        most[g] = now;
      }
    }
    waitCopies<0>();
    __syncthreads();
#pragma unroll
    for (int part = 0; part < maxDim / threads; part++) {
      const int i = threadIdx.x + part * threads;
      if (i >= dim) break;
#pragma unroll
      for (int g = 0; g < group; g++) sums[g][part] *= shrink[g];
#pragma unroll 8
      for (int key = 0; key < count; key++) {
        const float value = toFloat(values[key * dim + i]);
#pragma unroll
        for (int g = 0; g < group; g++) sums[g][part] += scores[key][g] * value;
      }
    }
    __syncthreads();
  }
  T* target = out + item.row * strideOut + int64_t{kvHead} * group * dim;
  const int width = dim + 2;
  float* all = work + (int64_t{blockIdx.z} * shape.kvHeads + kvHead) * maxPieces * group * width;
#pragma unroll
  for (int g = 0; g < group; g++)
#pragma unroll
    for (int part = 0; part < maxDim / threads; part++) {
      const int i = threadIdx.x + part * threads;
      if (i >= dim) break;
      if (pieces == 1)
        target[g * dim + i] = fromFloat<T>(sums[g][part] / total[g]);
      else
        all[(piece * group + g) * width + i] = sums[g][part];
    }
  if (pieces == 1) return;
  if (threadIdx.x < group) {
    all[(piece * group + threadIdx.x) * width + dim] = most[threadIdx.x];
    all[(piece * group + threadIdx.x) * width + dim + 1] = total[threadIdx.x];
  }
  __threadfence();
  __syncthreads();
  unsigned* arrived = allArrived + blockIdx.z * shape.kvHeads + kvHead;
  if (threadIdx.x == 0) {
    isLast = atomicInc(arrived, static_cast<unsigned>(pieces - 1)) == static_cast<unsigned>(pieces - 1);
    __threadfence();
  }
  __syncthreads();
  if (!isLast) return;
  const int lane = threadIdx.x % 32;
  for (int g = threadIdx.x / 32; g < group; g += threads / 32) {
    const float* of = all + (lane * group + g) * width + dim;
    const float high = lane < pieces ? __ldcg(of) : -INFINITY, sum = lane < pieces ? __ldcg(of + 1) : 0;
    const float factor = expf(high - warpMax(high));
    weights[g][lane] = factor / warpSum(factor * sum);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < dim; i += threads) {
    float joined[group] = {};
#pragma unroll 8
    for (int p = 0; p < pieces; p++)
#pragma unroll
      for (int g = 0; g < group; g++) joined[g] += weights[g][p] * __ldcg(all + (p * group + g) * width + i);
#pragma unroll
    for (int g = 0; g < group; g++) target[g * dim + i] = fromFloat<T>(joined[g]);
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

size_t decodeAttentionBytes(const QkvShape& shape, int count) {
  return static_cast<size_t>(count) * static_cast<size_t>(shape.heads) * maxPieces * static_cast<size_t>(shape.headDim + 2) * sizeof(float);
}

void decodeAttention(const QkvShape& shape, const DecodeItem* items, int count, const void* qkv, const RopeTable& rope, void* k, void* v,
                     Dtype dtype, void* out, int64_t strideOut, float* work) {
  if (count == 0) return;
  const int dim = static_cast<int>(shape.headDim), kvHeads = static_cast<int>(shape.kvHeads);
  const bool countable = static_cast<size_t>(count) * static_cast<size_t>(kvHeads) <= counterCount;
  // The same for any number of items, so that a text's numbers do not depend on the others.
  const int pieces = countable ? maxPieces : 1;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    withGroup(static_cast<int>(shape.heads / shape.kvHeads), [&](auto group) {
      const auto kernel = decodeAttentionKernel<T, decltype(group)::value>;
      static const bool prepared = [&] {
        cudaCheck(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, chunk * maxDim * static_cast<int>(sizeof(T))));
        return true;
      }();
      (void)prepared;
      kernel<<<dim3(pieces, kvHeads, count), threads, static_cast<size_t>(chunk * dim) * sizeof(T), stream()>>>(
          shape, items, static_cast<const T*>(qkv), rope, static_cast<T*>(k), static_cast<T*>(v), 1.0f / sqrtf(static_cast<float>(dim)),
          static_cast<T*>(out), strideOut, work, counters());
    });
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
