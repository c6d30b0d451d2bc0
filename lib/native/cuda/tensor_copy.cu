#include "cuda/tensor_copy.h"

#include "cuda/tensor_launch.cuh"

namespace tunelab::cuda {

namespace {

// Two axes of a grid: along its rows the source lies side by side, along its columns the target does.
struct Plane {
  int64_t rows, columns;
  int64_t fromRow, fromColumn, toRow, toColumn;
};

constexpr int edge = 32, lines = 8;

}  // namespace

// --- kernels ---------------------------------------------------------------------------------------------------

template <typename T, typename Index>
__global__ void __launch_bounds__(tensorThreads)
    copyKernel(const __grid_constant__ Walk<2> walk, const T* from, T* to, int64_t count) {
  for (int64_t i = firstIndex(); i < count; i += indexStep()) {
    int64_t at[2];
    walk.locate(static_cast<Index>(i), at);
    to[at[1]] = from[at[0]];
  }
}

// Tiles pass through shared memory, so that both sides are read and written along their lines. The walk is over the axes
// beside the plane.
template <typename T>
__global__ void __launch_bounds__(edge* lines)
    turnKernel(const __grid_constant__ Walk<2> walk, const __grid_constant__ Plane plane, const T* from, T* to, int64_t planes) {
  __shared__ T tile[edge][edge + 1];
  const int64_t across = (plane.columns + edge - 1) / edge, down = (plane.rows + edge - 1) / edge;
  for (int64_t i = blockIdx.x; i < planes * across * down; i += gridDim.x) {
    const int64_t column = i % across * edge, row = i / across % down * edge;
    int64_t at[2];
    walk.locate(i / across / down, at);
    const T* source = from + at[0] + row * plane.fromRow + column * plane.fromColumn;
    T* target = to + at[1] + row * plane.toRow + column * plane.toColumn;
    const int x = threadIdx.x;
    for (int y = threadIdx.y; y < edge; y += lines)
      if (row + x < plane.rows && column + y < plane.columns) tile[y][x] = source[x * plane.fromRow + y * plane.fromColumn];
    __syncthreads();
    for (int y = threadIdx.y; y < edge; y += lines)
      if (row + y < plane.rows && column + x < plane.columns) target[y * plane.toRow + x * plane.toColumn] = tile[x][y];
    __syncthreads();
  }
}

// --- launchers -------------------------------------------------------------------------------------------------

namespace {

// Takes neighbouring elements as one where they are side by side in both arrays; returns the bytes of what is moved then.
int widen(Walk<2>& walk, int bytes) {
  const int last = walk.grid.rank - 1;
  const auto even = [&](const Strides& strides) {
    bool all = strides.step[last] == 1 && strides.offset % 2 == 0;
    for (int axis = 0; axis < last; axis++) all = all && strides.step[axis] % 2 == 0;
    return all;
  };
  while (bytes < 16 && walk.grid.shape[last] % 2 == 0 && even(walk.operands[0]) && even(walk.operands[1])) {
    bytes *= 2;
    walk.grid.shape[last] /= 2;
    for (Strides& strides : walk.operands) {
      strides.offset /= 2;
      for (int axis = 0; axis < last; axis++) strides.step[axis] /= 2;
    }
  }
  return bytes;
}

// The axis along which the source's elements are side by side, when that is not the one of the target's and both are long
// enough for tiles; -1 otherwise.
int turnedAxis(const Walk<2>& walk) {
  constexpr int64_t least = 8;
  const Grid& grid = walk.grid;
  const int last = grid.rank - 1;
  const Strides &from = walk.operands[0], &to = walk.operands[1];
  if (to.step[last] != 1 || from.step[last] == 1 || grid.shape[last] < least) return -1;
  for (int axis = 0; axis < last; axis++)
    if ((from.step[axis] == 1 || from.step[axis] == -1) && grid.shape[axis] >= least) return axis;
  return -1;
}

// The walk without two axes.
Walk<2> without(const Walk<2>& walk, int first, int second) {
  Walk<2> rest;
  rest.grid.rank = 0;
  for (int axis = 0; axis < walk.grid.rank; axis++) {
    if (axis == first || axis == second) continue;
    rest.grid.shape[rest.grid.rank] = walk.grid.shape[axis];
    for (int i = 0; i < 2; i++) rest.operands[i].step[rest.grid.rank] = walk.operands[i].step[axis];
    rest.grid.rank++;
  }
  for (int i = 0; i < 2; i++) rest.operands[i].offset = walk.operands[i].offset;
  if (rest.grid.rank == 0) rest.grid = Grid{};
  return rest;
}

template <typename T>
void turn(const Walk<2>& walk, int axis, const void* from, void* to) {
  const int last = walk.grid.rank - 1;
  const Strides &source = walk.operands[0], &target = walk.operands[1];
  const Plane plane{walk.grid.shape[axis], walk.grid.shape[last], source.step[axis], source.step[last], target.step[axis], target.step[last]};
  const Walk<2> rest = without(walk, axis, last);
  const int64_t planes = rest.grid.size();
  const int64_t tiles = planes * ((plane.rows + edge - 1) / edge) * ((plane.columns + edge - 1) / edge);
  turnKernel<<<static_cast<unsigned>(std::min<int64_t>(tiles, 1 << 20)), dim3(edge, lines), 0, stream()>>>(
      rest, plane, static_cast<const T*>(from), static_cast<T*>(to), planes);
}

template <typename T>
void walkOver(const Walk<2>& walk, const void* from, void* to) {
  const int64_t count = walk.grid.size();
  withIndex(count, [&](auto index) {
    copyKernel<T, decltype(index)><<<blocksFor(count), tensorThreads, 0, stream()>>>(walk, static_cast<const T*>(from), static_cast<T*>(to), count);
  });
}

}  // namespace

void copyWalk(Walk<2> walk, const void* from, void* to, int elementBytes) {
  const int axis = turnedAxis(walk);
  const int bytes = axis < 0 ? widen(walk, elementBytes) : elementBytes;
  const Strides &source = walk.operands[0], &target = walk.operands[1];
  if (walk.grid.rank == 1 && source.step[0] == 1 && target.step[0] == 1) {
    cudaCheck(cudaMemcpyAsync(static_cast<char*>(to) + target.offset * bytes, static_cast<const char*>(from) + source.offset * bytes,
                              static_cast<size_t>(walk.grid.size()) * bytes, cudaMemcpyDefault, stream()));
    return;
  }
  const auto run = [&](auto sample) {
    using T = decltype(sample);
    if (axis < 0)
      walkOver<T>(walk, from, to);
    else if constexpr (sizeof(T) <= 4)
      turn<T>(walk, axis, from, to);
  };
  if (bytes == 1)
    run(uint8_t{});
  else if (bytes == 2)
    run(uint16_t{});
  else if (bytes == 4)
    run(uint32_t{});
  else if (bytes == 8)
    run(uint2{});
  else
    run(uint4{});
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
