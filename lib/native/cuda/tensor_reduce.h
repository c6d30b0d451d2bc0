// Reductions over the middle axis of [outer, length, inner], running results along it, and softmax over rows. Parts are
// joined in an order that depends on the shape alone.
#pragma once
#include <cstdint>

#include "tensor_grid.h"
#include "tensor_reductions.h"

namespace tunelab::cuda {

// R is a reduction of tensor_reductions.h.
template <typename R>
void reduce(const typename R::In* x, const Lines& lines, typename R::Out* out);

// What R makes of each element and those before it, or of those before it alone.
template <typename R>
void scan(const typename R::In* x, const Lines& lines, bool exclusive, bool reverse, typename R::Out* out);

void softmax(const float* x, int64_t rows, int64_t columns, float* out);

}  // namespace tunelab::cuda
