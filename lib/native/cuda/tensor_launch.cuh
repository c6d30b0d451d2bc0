// What the launchers of the tfjs kernels share.
#pragma once
#include <algorithm>
#include <cstdint>

#include "cuda/real.cuh"

namespace tunelab::cuda {

constexpr int tensorThreads = 256;

// Blocks for loops that go on in steps of the whole launch.
inline unsigned blocksFor(int64_t threads) {
  return static_cast<unsigned>(std::clamp<int64_t>((threads + tensorThreads - 1) / tensorThreads, 1, 32768));
}

__device__ inline int64_t firstIndex() { return int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }
__device__ inline int64_t indexStep() { return int64_t{gridDim.x} * blockDim.x; }

// Calls f(Index{}) with the narrowest type that counts to `size`: divisions of 64 bits take several times as long.
template <typename F>
void withIndex(int64_t size, F f) {
  if (size <= INT32_MAX)
    f(uint32_t{});
  else
    f(int64_t{});
}

}  // namespace tunelab::cuda
