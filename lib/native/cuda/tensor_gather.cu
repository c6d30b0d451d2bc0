#include "cuda/tensor_gather.h"

#include "cuda/tensor_launch.cuh"
#include "tensor_reductions.h"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

// A thread for each unit of a row; `units` a row.
template <typename Unit, typename Index>
__global__ void __launch_bounds__(tensorThreads)
    gatherKernel(const __grid_constant__ Rows rows, int64_t units, const Unit* from, const int32_t* indices, Unit* out, int64_t total) {
  const Index width = static_cast<Index>(units), count = static_cast<Index>(rows.count), outer = static_cast<Index>(rows.outer);
  for (int64_t i = firstIndex(); i < total; i += indexStep()) {
    const Index row = static_cast<Index>(i) / width, unit = static_cast<Index>(i) - row * width;
    const Index part = row / count, batch = part / outer;
    const int64_t index = indices[static_cast<int64_t>(batch) * rows.count + (row - part * count)];
    const bool inside = index >= 0 && index < rows.axis;
    out[i] = inside ? from[(static_cast<int64_t>(part) * rows.axis + index) * units + unit] : Unit{};
  }
}

__global__ void __launch_bounds__(tensorThreads)
    flatIndicesKernel(const __grid_constant__ Grid grid, const int32_t* indices, int32_t* out, int64_t count) {
  for (int64_t i = firstIndex(); i < count; i += indexStep()) out[i] = flatIndex(grid, indices + i * grid.rank);
}

// A block sums one segment's rows for `columnsAtOnce` columns. It looks through all ids, a block's worth at a time, and adds
// the rows that it finds in their order: without atomics, so the sum is always the same.
constexpr int columnsPerThread = 8, columnsAtOnce = columnsPerThread * tensorThreads;

template <typename T>
__global__ void __launch_bounds__(tensorThreads)
    segmentSumKernel(const T* x, const int32_t* ids, int64_t count, int64_t inner, int64_t chunks, T* out) {
  using Sum = typename math::SumOf<T>::Partial;
  constexpr int warps = tensorThreads / 32;
  __shared__ int64_t found[tensorThreads];
  __shared__ int before[warps + 1];
  const int64_t segment = blockIdx.x / chunks, firstColumn = blockIdx.x % chunks * columnsAtOnce + threadIdx.x;
  const unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  Sum sums[columnsPerThread] = {};
  for (int64_t first = 0; first < count; first += tensorThreads) {
    const int64_t i = first + threadIdx.x;
    const bool match = i < count && ids[i] == segment;
    if (!__syncthreads_or(match)) continue;
    const unsigned matches = __ballot_sync(0xffffffffu, match);
    if (lane == 0) before[warp + 1] = __popc(matches);
    __syncthreads();
    if (threadIdx.x == 0) {
      before[0] = 0;
      for (int w = 0; w < warps; w++) before[w + 1] += before[w];
    }
    __syncthreads();
    if (match) found[before[warp] + __popc(matches & ((1u << lane) - 1))] = i;
    __syncthreads();
    const int total = before[warps];
    for (int j = 0; j < total; j++) {
      const T* row = x + found[j] * inner;
#pragma unroll
      for (int k = 0; k < columnsPerThread; k++) {
        const int64_t column = firstColumn + k * tensorThreads;
        if (column < inner) sums[k] += row[column];
      }
    }
    // The next round's barrier comes before it writes `found` and `before`.
  }
#pragma unroll
  for (int k = 0; k < columnsPerThread; k++) {
    const int64_t column = firstColumn + k * tensorThreads;
    if (column < inner) out[segment * inner + column] = math::SumOf<T>::finish(sums[k], 0);
  }
}

template <typename T>
__global__ void __launch_bounds__(tensorThreads)
    oneHotKernel(const int32_t* indices, int64_t depth, T on, T off, T* out, int64_t total) {
  for (int64_t i = firstIndex(); i < total; i += indexStep()) {
    const int64_t row = i / depth;
    out[i] = indices[row] == i - row * depth ? on : off;
  }
}

// --- launchers -------------------------------------------------------------------------------------------------

void gather(const Rows& rows, const void* from, const int32_t* indices, void* out) {
  const auto run = [&](auto sample) {
    using Unit = decltype(sample);
    const int64_t units = rows.rowBytes / static_cast<int64_t>(sizeof(Unit));
    const int64_t total = rows.batch * rows.outer * rows.count * units;
    withIndex(total, [&](auto index) {
      gatherKernel<Unit, decltype(index)><<<blocksFor(total), tensorThreads, 0, stream()>>>(
          rows, units, static_cast<const Unit*>(from), indices, static_cast<Unit*>(out), total);
    });
  };
  if (rows.rowBytes % 16 == 0)
    run(uint4{});
  else if (rows.rowBytes % 8 == 0)
    run(uint2{});
  else if (rows.rowBytes % 4 == 0)
    run(uint32_t{});
  else if (rows.rowBytes % 2 == 0)
    run(uint16_t{});
  else
    run(uint8_t{});
  cudaCheckLaunch();
}

void flatIndices(const Grid& grid, const int32_t* indices, int32_t* out, int64_t count) {
  if (count == 0) return;
  flatIndicesKernel<<<blocksFor(count), tensorThreads, 0, stream()>>>(grid, indices, out, count);
  cudaCheckLaunch();
}

template <typename T>
void segmentSum(const T* x, const int32_t* ids, int64_t count, int64_t inner, int64_t segments, T* out) {
  if (segments == 0) return;
  const int64_t chunks = (inner + columnsAtOnce - 1) / columnsAtOnce;
  segmentSumKernel<<<static_cast<unsigned>(segments * chunks), tensorThreads, 0, stream()>>>(x, ids, count, inner, chunks, out);
  cudaCheckLaunch();
}

template <typename T>
void oneHot(const int32_t* indices, int64_t count, int64_t depth, double on, double off, T* out) {
  const int64_t total = count * depth;
  if (total == 0) return;
  oneHotKernel<<<blocksFor(total), tensorThreads, 0, stream()>>>(indices, depth, math::stored<T>(on), math::stored<T>(off), out, total);
  cudaCheckLaunch();
}

template void segmentSum(const float*, const int32_t*, int64_t, int64_t, int64_t, float*);
template void segmentSum(const int32_t*, const int32_t*, int64_t, int64_t, int64_t, int32_t*);
template void oneHot(const int32_t*, int64_t, int64_t, double, double, float*);
template void oneHot(const int32_t*, int64_t, int64_t, double, double, int32_t*);
template void oneHot(const int32_t*, int64_t, int64_t, double, double, math::Bool*);

}  // namespace tunelab::cuda
