// Looking for values that are infinite or no number, without bringing them to the host.
#pragma once
#include <cstdint>

#include "cuda/dtype.h"

namespace tunelab::cuda {

// found [2]: the first such value as float32 bits, then its index; all bits set when there is none. count < 2^32 - 1.
void firstNonFinite(const void* values, Dtype dtype, int64_t count, uint32_t* found);

}  // namespace tunelab::cuda
