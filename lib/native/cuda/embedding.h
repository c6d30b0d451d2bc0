#pragma once
#include <cstdint>

#include "cuda/dtype.h"

namespace tunelab::cuda {

// y[i] = table[ids[i]], rows of `width`.
void embedding(const int32_t* ids, int64_t rows, const void* table, Dtype tableType, int64_t width, void* y, Dtype dtype);

}  // namespace tunelab::cuda
