#pragma once
#include <cstdint>

#include "cuda/dtype.h"

namespace tunelab::cuda {

// act = silu(gate + gateBias) * (up + upBias), gate and up being the two halves of each row of gateUp [rows, 2 width].
// Biases (nullptr: none) are added to gateUp in place, for backward. Rows of act are `stride` apart.
void swigluForward(void* gateUp, Dtype dtype, const float* gateBias, const float* upBias, int64_t rows, int64_t width, void* act,
                   int64_t stride);

// Replaces gateUp by its gradient, given that of act.
void swigluBackward(void* gateUp, Dtype dtype, const void* dAct, int64_t stride, int64_t rows, int64_t width);

}  // namespace tunelab::cuda
