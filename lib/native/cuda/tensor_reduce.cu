#include "cuda/tensor_reduce.h"

#include "cuda/memory.h"
#include "cuda/tensor_launch.cuh"

namespace tunelab::cuda {

namespace {

constexpr int warps = tensorThreads / 32;

// A long axis is cut into pieces that blocks of their own reduce; `piece` elements each, the last one fewer.
struct Pieces {
  int64_t count, piece;
};

// As many pieces as make the GPU busy, none shorter than `shortest`, whose multiples they are.
Pieces piecesOf(int64_t length, int64_t blocks, int64_t shortest) {
  constexpr int64_t enoughBlocks = 1024, mostPieces = 256;
  const int64_t wanted = std::min(mostPieces, (enoughBlocks + blocks - 1) / blocks);
  const int64_t piece = (length + wanted - 1) / wanted;
  const int64_t rounded = (piece + shortest - 1) / shortest * shortest;
  return {(length + rounded - 1) / rounded, rounded};
}

}  // namespace

// --- kernels ---------------------------------------------------------------------------------------------------

template <typename P>
__device__ inline P shuffled(const P& partial, int offset) {
  static_assert(sizeof(P) % 4 == 0 || sizeof(P) == 1);
  if constexpr (sizeof(P) == 1) {
    return static_cast<P>(__shfl_down_sync(0xffffffffu, static_cast<unsigned>(partial), offset));
  } else {
    unsigned words[sizeof(P) / 4];
    memcpy(words, &partial, sizeof(P));
#pragma unroll
    for (unsigned& word : words) word = __shfl_down_sync(0xffffffffu, word, offset);
    P other;
    memcpy(&other, words, sizeof(P));
    return other;
  }
}

// Of all lanes; whole in lane 0.
template <typename R>
__device__ inline typename R::Partial joinWarp(typename R::Partial partial) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) partial = R::join(partial, shuffled(partial, offset));
  return partial;
}

// Either the result, or a part of it for the second pass.
template <typename R>
__device__ inline void put(typename R::Out* out, typename R::Partial* parts, int64_t at, typename R::Partial partial, int64_t length) {
  if (parts)
    parts[at] = partial;
  else
    out[at] = R::finish(partial, length);
}

// A thread for each line, where lines are short or so many that the GPU is busy.
template <typename R>
__global__ void __launch_bounds__(tensorThreads) linePerThreadKernel(const typename R::In* x, Lines lines, typename R::Out* out) {
  for (int64_t line = firstIndex(); line < lines.count(); line += indexStep()) {
    const typename R::In* from = x + lines.start(line);
    typename R::Partial partial = R::start();
    for (int64_t i = 0; i < lines.length; i++) partial = R::join(partial, R::one(from[i * lines.inner], i));
    out[line] = R::finish(partial, lines.length);
  }
}

// A warp for each row.
template <typename R>
__global__ void __launch_bounds__(tensorThreads) rowPerWarpKernel(const typename R::In* x, int64_t rows, int64_t length, typename R::Out* out) {
  const int lane = threadIdx.x % 32;
  for (int64_t row = int64_t{blockIdx.x} * warps + threadIdx.x / 32; row < rows; row += int64_t{gridDim.x} * warps) {
    const typename R::In* from = x + row * length;
    typename R::Partial partial = R::start();
    for (int64_t i = lane; i < length; i += 32) partial = R::join(partial, R::one(from[i], i));
    partial = joinWarp<R>(partial);
    if (lane == 0) out[row] = R::finish(partial, length);
  }
}

// A block for each piece of a row. Packs: rows begin where four elements can be read at once.
template <typename R, bool packs>
__global__ void __launch_bounds__(tensorThreads)
    rowPerBlockKernel(const typename R::In* x, int64_t length, Pieces pieces, typename R::Out* out, typename R::Partial* parts) {
  __shared__ typename R::Partial ofWarps[warps];
  const int64_t row = blockIdx.x / pieces.count, begin = blockIdx.x % pieces.count * pieces.piece;
  const int64_t end = begin + pieces.piece < length ? begin + pieces.piece : length;
  const typename R::In* from = x + row * length;
  typename R::Partial partial = R::start();
  if constexpr (packs) {
    for (int64_t i = begin + 4 * threadIdx.x; i < end; i += 4 * tensorThreads) {
      const Pack<typename R::In, 4> pack = load<typename R::In, 4>(from + i);
#pragma unroll
      for (int k = 0; k < 4; k++) partial = R::join(partial, R::one(pack.values[k], i + k));
    }
  } else {
    for (int64_t i = begin + threadIdx.x; i < end; i += tensorThreads) partial = R::join(partial, R::one(from[i], i));
  }
  partial = joinWarp<R>(partial);
  if (threadIdx.x % 32 == 0) ofWarps[threadIdx.x / 32] = partial;
  __syncthreads();
  if (threadIdx.x > 0) return;
  for (int w = 1; w < warps; w++) partial = R::join(partial, ofWarps[w]);
  put<R>(out, parts, blockIdx.x, partial, length);
}

// A block for 32 neighbours of the inner axis and a piece of the reduced one; its warps take the piece's rows in turn.
template <typename R>
__global__ void __launch_bounds__(tensorThreads)
    columnsKernel(const typename R::In* x, Lines lines, Pieces pieces, typename R::Out* out, typename R::Partial* parts) {
  __shared__ typename R::Partial ofWarps[warps][32];
  const int64_t tiles = (lines.inner + 31) / 32;
  const int64_t piece = blockIdx.x / tiles % pieces.count, outer = blockIdx.x / tiles / pieces.count;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int64_t column = blockIdx.x % tiles * 32 + lane;
  const int64_t begin = piece * pieces.piece, end = begin + pieces.piece < lines.length ? begin + pieces.piece : lines.length;
  typename R::Partial partial = R::start();
  if (column < lines.inner) {
    const typename R::In* from = x + outer * lines.length * lines.inner + column;
    for (int64_t i = begin + warp; i < end; i += warps) partial = R::join(partial, R::one(from[i * lines.inner], i));
  }
  ofWarps[warp][lane] = partial;
  __syncthreads();
  if (warp > 0 || column >= lines.inner) return;
  for (int w = 1; w < warps; w++) partial = R::join(partial, ofWarps[w][lane]);
  put<R>(out, parts, (outer * pieces.count + piece) * lines.inner + column, partial, lines.length);
}

// The second pass: a thread for each result joins its parts, [outer, pieces, inner].
template <typename R>
__global__ void __launch_bounds__(tensorThreads)
    partsKernel(const typename R::Partial* parts, Lines lines, int64_t pieces, typename R::Out* out) {
  for (int64_t i = firstIndex(); i < lines.count(); i += indexStep()) {
    const typename R::Partial* from = parts + i / lines.inner * pieces * lines.inner + i % lines.inner;
    typename R::Partial partial = R::start();
    for (int64_t piece = 0; piece < pieces; piece++) partial = R::join(partial, from[piece * lines.inner]);
    out[i] = R::finish(partial, lines.length);
  }
}

// A thread for each line: neighbours of the inner axis are read together.
template <typename R>
__global__ void __launch_bounds__(tensorThreads)
    linePerThreadScanKernel(const typename R::In* x, Lines lines, bool exclusive, bool reverse, typename R::Out* out) {
  for (int64_t line = firstIndex(); line < lines.count(); line += indexStep()) {
    const int64_t start = lines.start(line);
    typename R::Partial partial = R::start();
    for (int64_t i = 0; i < lines.length; i++) {
      const int64_t at = start + (reverse ? lines.length - 1 - i : i) * lines.inner;
      const typename R::Partial next = R::join(partial, R::one(x[at], i));
      out[at] = R::finish(exclusive ? partial : next, i);
      partial = next;
    }
  }
}

// A block for each line: a block's worth of elements at a time, each thread's sum with what came before.
template <typename R>
__global__ void __launch_bounds__(tensorThreads)
    linePerBlockScanKernel(const typename R::In* x, Lines lines, bool exclusive, bool reverse, typename R::Out* out) {
  using Partial = typename R::Partial;
  // What comes before each thread's element is its left neighbour's result.
  __shared__ Partial results[2][tensorThreads];
  const int t = threadIdx.x;
  for (int64_t line = blockIdx.x; line < lines.count(); line += gridDim.x) {
    const int64_t start = lines.start(line);
    Partial carry = R::start();
    for (int64_t first = 0; first < lines.length; first += tensorThreads) {
      const int64_t i = first + t, at = start + (reverse ? lines.length - 1 - i : i) * lines.inner;
      int now = 0;
      results[0][t] = i < lines.length ? R::one(x[at], i) : R::start();
      __syncthreads();
      for (int offset = 1; offset < tensorThreads; offset *= 2) {
        results[1 - now][t] = t < offset ? results[now][t] : R::join(results[now][t - offset], results[now][t]);
        now = 1 - now;
        __syncthreads();
      }
      const Partial before = t == 0 ? carry : R::join(carry, results[now][t - 1]);
      if (i < lines.length) out[at] = R::finish(exclusive ? before : R::join(carry, results[now][t]), i);
      carry = R::join(carry, results[now][tensorThreads - 1]);
      __syncthreads();
    }
  }
}

// A block for each row.
__global__ void softmaxKernel(const float* x, int64_t columns, float* out) {
  const float* row = x + int64_t{blockIdx.x} * columns;
  float* target = out + int64_t{blockIdx.x} * columns;
  float largest = -INFINITY, sum = 0;
  for (int64_t i = threadIdx.x; i < columns; i += blockDim.x) largest = fmaxf(largest, row[i]);
  largest = blockMax(largest);
  // A NaN is no maximum, but comes back in the sum, and so in every element.
  for (int64_t i = threadIdx.x; i < columns; i += blockDim.x) sum += expf(row[i] - largest);
  const float scale = 1.0f / blockSum(sum);
  for (int64_t i = threadIdx.x; i < columns; i += blockDim.x) target[i] = expf(row[i] - largest) * scale;
}

// --- launchers -------------------------------------------------------------------------------------------------

template <typename R>
void reduce(const typename R::In* x, const Lines& lines, typename R::Out* out) {
  using Partial = typename R::Partial;
  constexpr int64_t warpRow = 1024, shortRow = 16, shortColumn = 32, manyColumns = 1 << 18;
  if (lines.inner == 1 ? lines.length <= shortRow : lines.length <= shortColumn || lines.count() >= manyColumns) {
    linePerThreadKernel<R><<<blocksFor(lines.count()), tensorThreads, 0, stream()>>>(x, lines, out);
    cudaCheckLaunch();
    return;
  }
  if (lines.inner == 1 && lines.length <= warpRow) {
    rowPerWarpKernel<R><<<blocksFor(lines.outer * 32), tensorThreads, 0, stream()>>>(x, lines.outer, lines.length, out);
    cudaCheckLaunch();
    return;
  }
  const int64_t tiles = lines.inner == 1 ? 1 : (lines.inner + 31) / 32;
  const Pieces pieces = piecesOf(lines.length, lines.outer * tiles, lines.inner == 1 ? 8192 : 256);
  Block block;
  if (pieces.count > 1) block = Block(static_cast<size_t>(lines.count() * pieces.count) * sizeof(Partial), Owner::workspace);
  Partial* const parts = block.as<Partial>();
  const unsigned blocks = static_cast<unsigned>(lines.outer * pieces.count * tiles);
  if (lines.inner > 1)
    columnsKernel<R><<<blocks, tensorThreads, 0, stream()>>>(x, lines, pieces, out, parts);
  else if (lines.length % 4 == 0)
    rowPerBlockKernel<R, true><<<blocks, tensorThreads, 0, stream()>>>(x, lines.length, pieces, out, parts);
  else
    rowPerBlockKernel<R, false><<<blocks, tensorThreads, 0, stream()>>>(x, lines.length, pieces, out, parts);
  cudaCheckLaunch();
  if (pieces.count == 1) return;
  partsKernel<R><<<blocksFor(lines.count()), tensorThreads, 0, stream()>>>(parts, lines, pieces.count, out);
  cudaCheckLaunch();
}

template <typename R>
void scan(const typename R::In* x, const Lines& lines, bool exclusive, bool reverse, typename R::Out* out) {
  if (lines.inner >= 32)
    linePerThreadScanKernel<R><<<blocksFor(lines.count()), tensorThreads, 0, stream()>>>(x, lines, exclusive, reverse, out);
  else
    linePerBlockScanKernel<R><<<static_cast<unsigned>(std::min<int64_t>(lines.count(), 32768)), tensorThreads, 0, stream()>>>(
        x, lines, exclusive, reverse, out);
  cudaCheckLaunch();
}

void softmax(const float* x, int64_t rows, int64_t columns, float* out) {
  const int threads = columns <= 128 ? 32 : columns <= 8192 ? 256 : 1024;
  softmaxKernel<<<static_cast<unsigned>(rows), threads, 0, stream()>>>(x, columns, out);
  cudaCheckLaunch();
}

#define INSTANCE(R) template void reduce<math::R>(const math::R::In*, const Lines&, math::R::Out*);
INSTANCE(SumOf<float>)
INSTANCE(SumOf<int32_t>)
INSTANCE(MeanOf<float>)
INSTANCE(ProdOf<float>)
INSTANCE(ProdOf<int32_t>)
INSTANCE(MaxOf<float>)
INSTANCE(MaxOf<int32_t>)
INSTANCE(MinOf<float>)
INSTANCE(MinOf<int32_t>)
INSTANCE(ArgMaxOf<float>)
INSTANCE(ArgMaxOf<int32_t>)
INSTANCE(ArgMinOf<float>)
INSTANCE(ArgMinOf<int32_t>)
INSTANCE(AllOf<math::Bool>)
INSTANCE(AnyOf<math::Bool>)
#undef INSTANCE
#define INSTANCE(R) template void scan<math::R>(const math::R::In*, const Lines&, bool, bool, math::R::Out*);
INSTANCE(SumOf<float>)
INSTANCE(SumOf<int32_t>)
INSTANCE(ProdOf<float>)
INSTANCE(ProdOf<int32_t>)
#undef INSTANCE

}  // namespace tunelab::cuda
