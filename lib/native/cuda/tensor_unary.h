// Elementwise operations on one dense operand; `out` may be the operand.
#pragma once
#include <cstdint>

#include "tensor_math.h"

namespace tunelab::cuda {

// F is one of TUNELAB_UNARY_*; p and q are its parameters.
template <typename F, typename T>
void unary(const T* x, T* out, int64_t count, double p, double q);

// F is one of TUNELAB_PREDICATES, or LogicalNot.
template <typename F, typename T>
void predicate(const T* x, math::Bool* out, int64_t count);

template <typename From, typename To>
void castElements(const From* x, To* out, int64_t count);

}  // namespace tunelab::cuda
