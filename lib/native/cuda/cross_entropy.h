#pragma once
#include <cstdint>

#include "cuda/dtype.h"

namespace tunelab::cuda {

// logits [rows, vocabulary] f32, one label a row. losses[row] = log sum exp(z) - z[label]. With scale not 0 the logits
// become scale * (softmax(z) - onehot(label)), of type `dtype`: bf16 and f16 lie at the front of each row, rows
// 2 * vocabulary elements apart.
void crossEntropyRows(float* logits, const int32_t* labels, int64_t rows, int64_t vocabulary, float scale, Dtype dtype, float* losses);

// *result = sum of the values, in float64 and a fixed order.
void sumInto(const float* values, int64_t count, float* result);

// target[rows[i]] = source[i], rows of `width`.
void scatterRows(const void* source, const int32_t* rows, int64_t count, int64_t width, void* target, Dtype dtype);

}  // namespace tunelab::cuda
