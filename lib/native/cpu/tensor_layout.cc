#include "cpu/tensor_layout.h"

#include <algorithm>

#include "parallel.h"

namespace tunelab {

// Elements below which a second thread costs more than it brings.
constexpr int64_t grain = 16384;

int64_t Grid::rows() const {
  int64_t product = 1;
  for (int axis = 0; axis + 1 < rank; axis++) product *= shape[axis];
  return product;
}

int64_t Strides::rowStart(const Grid& grid, int64_t row) const {
  int64_t start = offset;
  for (int axis = grid.rank - 2; axis >= 0; axis--) {
    start += row % grid.shape[axis] * step[axis];
    row /= grid.shape[axis];
  }
  return start;
}

Grid gridOf(const Napi::Value& shape) {
  const Span<int32_t> lengths = ints(shape, "shape");
  if (lengths.size < 1 || lengths.size > maxRank) refuse(shape.Env(), "shape must have 1 to 8 axes.");
  Grid grid;
  grid.rank = static_cast<int>(lengths.size);
  int64_t elements = 1;
  for (size_t axis = 0; axis < lengths.size; axis++) {
    if (lengths[axis] < 1) refuse(shape.Env(), "shape must have positive lengths.");
    grid.shape[axis] = lengths[axis];
    elements *= lengths[axis];
    if (elements > INT32_MAX) refuse(shape.Env(), "shape has 2^31 elements or more.");
  }
  return grid;
}

Strides stridesOf(const Napi::Value& strides, const char* name, const Grid& grid, size_t elements, int64_t offset) {
  const Span<int32_t> steps = ints(strides, name, grid.rank);
  Strides result;
  result.offset = offset;
  int64_t lowest = offset, highest = offset;
  for (int axis = 0; axis < grid.rank; axis++) {
    result.step[axis] = steps[axis];
    const int64_t span = (grid.shape[axis] - 1) * result.step[axis];
    (span < 0 ? lowest : highest) += span;
  }
  if (lowest < 0 || highest >= static_cast<int64_t>(elements))
    refuse(strides.Env(), std::string(name) + " leads outside of the operand's " + std::to_string(elements) + " elements.");
  return result;
}

void eachRow(const Grid& grid, const std::function<void(int64_t, int64_t, int64_t)>& body) {
  const int64_t inner = grid.inner(), rows = grid.rows();
  if (rows == 1) {
    parallelRanges(inner, grain, [&](int64_t begin, int64_t end, int) { body(0, begin, end); });
    return;
  }
  parallelRanges(rows, std::max<int64_t>(1, grain / inner), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++) body(row, 0, inner);
  });
}

}  // namespace tunelab
