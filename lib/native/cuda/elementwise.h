// Conversions, fills and sums that need no more than one pass.
#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>

#include "cuda/dtype.h"

namespace tunelab::cuda {

// Between f32, bf16 and f16 (round to nearest even), or a copy when the types are equal.
void convert(const void* from, Dtype fromType, void* to, Dtype toType, int64_t count);
// Any type.
void fill(void* target, Dtype dtype, double value, int64_t count);
// target += source, both f32.
void addInPlace(float* target, const float* source, int64_t count);
// Rows of x `stride` apart: x[:, i] += bias[i].
void addBias(void* x, Dtype dtype, int64_t stride, const float* bias, int64_t rows, int64_t width);

// Whether this file was built for the current device: an error when there is no code for it.
cudaError_t kernelImageError();

}  // namespace tunelab::cuda
