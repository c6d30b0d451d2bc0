// Reading the shapes and strides that the tfjs kernels pass: Float64Arrays, for they may be longer than 32 bits.
#pragma once
#include "arguments.h"
#include "tensor_grid.h"

namespace tunelab {

// Lengths, strides and offsets that a double holds exactly.
constexpr int64_t mostElements = int64_t{1} << 53;

// From 1 to maxRank lengths.
Grid gridOf(const Napi::Value& shape);
// Throws when any step of the grid would leave the `elements` of the operand.
Strides stridesOf(const Napi::Value& strides, const char* name, const Grid& grid, size_t elements, int64_t offset = 0);
// From three arguments, the first of which is `at`.
Lines linesOf(const Napi::CallbackInfo& info, int at);

}  // namespace tunelab
