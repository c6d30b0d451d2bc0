// Strided views for the tfjs kernels, on the CPU and the GPU: an iteration space in row-major order, and how each operand
// moves through it.
#pragma once
#include <cstdint>

#include "tensor_math.h"

namespace tunelab {

constexpr int maxRank = 8;

// The iteration space, at least one axis long.
struct Grid {
  int rank = 1;
  int64_t shape[maxRank] = {1};
  int64_t inner() const { return shape[rank - 1]; }
  // Rows run along the last axis.
  int64_t rows() const {
    int64_t product = 1;
    for (int axis = 0; axis + 1 < rank; axis++) product *= shape[axis];
    return product;
  }
  int64_t size() const { return rows() * inner(); }
};

// Elements that one step along each axis of the grid moves; 0 repeats, negative goes backwards.
struct Strides {
  int64_t step[maxRank] = {};
  int64_t offset = 0;
  // Where row `row` of the grid begins.
  int64_t rowStart(const Grid& grid, int64_t row) const {
    int64_t start = offset;
    for (int axis = grid.rank - 2; axis >= 0; axis--) {
      start += row % grid.shape[axis] * step[axis];
      row /= grid.shape[axis];
    }
    return start;
  }
};

// A grid with the strides of n operands, as the GPU's kernels take it.
template <int n>
struct Walk {
  Grid grid;
  Strides operands[n];
  // Where element `index` of the grid lies in each operand. Index is as wide as the grid's size needs.
  template <typename Index>
  TUNELAB_BOTH void locate(Index index, int64_t (&at)[n]) const {
    for (int i = 0; i < n; i++) at[i] = operands[i].offset;
    for (int axis = grid.rank - 1; axis > 0; axis--) {
      const Index length = static_cast<Index>(grid.shape[axis]), before = index / length;
      const int64_t along = static_cast<int64_t>(index - before * length);
      for (int i = 0; i < n; i++) at[i] += along * operands[i].step[axis];
      index = before;
    }
    for (int i = 0; i < n; i++) at[i] += static_cast<int64_t>(index) * operands[i].step[0];
  }
};

// A dense array as reductions see it, [outer, length, inner]: lines along its middle axis.
struct Lines {
  int64_t outer, length, inner;
  int64_t size() const { return outer * length * inner; }
  TUNELAB_BOTH int64_t count() const { return outer * inner; }
  // Where a line begins; its elements are `inner` apart.
  TUNELAB_BOTH int64_t start(int64_t line) const { return line / inner * length * inner + line % inner; }
};

// Where the indices of one element, one for each axis, lead in a dense array; -1 when that is outside. As in tfjs, only
// the place as a whole is checked.
TUNELAB_BOTH inline int32_t flatIndex(const Grid& grid, const int32_t* indices) {
  int64_t place = 0, size = 1;
  for (int axis = 0; axis < grid.rank; axis++) {
    place = place * grid.shape[axis] + indices[axis];
    size *= grid.shape[axis];
  }
  return place < 0 || place >= size ? -1 : static_cast<int32_t>(place);
}

}  // namespace tunelab
