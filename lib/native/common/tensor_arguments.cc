#include "tensor_arguments.h"

#include <cmath>

namespace tunelab {

static int64_t whole(const Napi::Value& array, const char* name, double value) {
  if (!(std::fabs(value) <= static_cast<double>(mostElements)) || value != std::floor(value))
    refuse(array.Env(), std::string(name) + " must hold integers, not " + std::to_string(value) + ".");
  return static_cast<int64_t>(value);
}

Grid gridOf(const Napi::Value& shape) {
  const Span<double> lengths = doubles(shape, "shape");
  if (lengths.size < 1 || lengths.size > maxRank)
    refuse(shape.Env(), "shape must have 1 to " + std::to_string(maxRank) + " axes.");
  Grid grid;
  grid.rank = static_cast<int>(lengths.size);
  int64_t elements = 1;
  for (int axis = 0; axis < grid.rank; axis++) {
    grid.shape[axis] = whole(shape, "shape", lengths[axis]);
    if (grid.shape[axis] < 1) refuse(shape.Env(), "shape must have positive lengths.");
    if (grid.shape[axis] > mostElements / elements) refuse(shape.Env(), "shape has more elements than can be counted.");
    elements *= grid.shape[axis];
  }
  return grid;
}

Strides stridesOf(const Napi::Value& strides, const char* name, const Grid& grid, size_t elements, int64_t offset) {
  const Span<double> steps = doubles(strides, name, grid.rank);
  Strides result;
  result.offset = offset;
  // In double precision, so that no product overflows; what is inside is exact.
  double lowest = static_cast<double>(offset), highest = lowest;
  for (int axis = 0; axis < grid.rank; axis++) {
    result.step[axis] = whole(strides, name, steps[axis]);
    const double span = static_cast<double>(grid.shape[axis] - 1) * steps[axis];
    (span < 0 ? lowest : highest) += span;
  }
  if (lowest < 0 || highest >= static_cast<double>(elements))
    refuse(strides.Env(), std::string(name) + " leads outside of the operand's " + std::to_string(elements) + " elements.");
  return result;
}

Lines linesOf(const Napi::CallbackInfo& info, int at) {
  const int64_t outer = integer(info[at], "outer", 1, mostElements), length = integer(info[at + 1], "length", 1);
  return {outer, length, integer(info[at + 2], "inner", 1, mostElements / outer / length)};
}

}  // namespace tunelab
