// Counters by which blocks of one launch wait for each other. They are 0 between launches: who counts to the end resets.
// Kernels of the one stream share them.
#pragma once
#include <cstddef>

namespace tunelab::cuda {

constexpr size_t counterCount = 1 << 14;
unsigned* counters();

}  // namespace tunelab::cuda
