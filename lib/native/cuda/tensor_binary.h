// Elementwise operations on two broadcast operands, and the choice between two.
#pragma once
#include <cstdint>

#include "tensor_grid.h"
#include "tensor_math.h"

namespace tunelab::cuda {

// F is one of TUNELAB_BINARY_*, TUNELAB_COMPARISONS or TUNELAB_LOGIC; out is dense over the walk's grid, and may be an
// operand that is dense too.
template <typename F, typename T>
void binary(const Walk<2>& walk, const T* a, const T* b, typename F::template Out<T>* out);

// out = condition ? a : b; T stands for elements of its size.
template <typename T>
void select(const math::Bool* condition, const T* a, const T* b, T* out, int64_t count);

}  // namespace tunelab::cuda
