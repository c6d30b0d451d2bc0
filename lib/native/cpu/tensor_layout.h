// Strided views for the tfjs kernels: an iteration space in row-major order, and how each operand moves through it.
// Element counts stay below 2^31, as tfjs' own do.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "arguments.h"

namespace tunelab {

constexpr int maxRank = 8;

// The iteration space, at least one axis long.
struct Grid {
  int rank = 1;
  std::array<int64_t, maxRank> shape{1};
  int64_t inner() const { return shape[rank - 1]; }
  int64_t rows() const;
  int64_t size() const { return rows() * inner(); }
};

// Elements that one step along each axis of the grid moves; 0 repeats, negative goes backwards.
struct Strides {
  std::array<int64_t, maxRank> step{};
  int64_t offset = 0;
  // Where row `row` of the grid (all axes but the last) begins.
  int64_t rowStart(const Grid& grid, int64_t row) const;
};

// From an Int32Array of 1 to maxRank lengths.
Grid gridOf(const Napi::Value& shape);
// From an Int32Array; throws when any step of the grid would leave the `elements` of the operand.
Strides stridesOf(const Napi::Value& strides, const char* name, const Grid& grid, size_t elements, int64_t offset = 0);

// Calls body(row) for parts of the rows, or for pieces [begin, end) of a single row: body(row, begin, end).
void eachRow(const Grid& grid, const std::function<void(int64_t row, int64_t begin, int64_t end)>& body);

}  // namespace tunelab
