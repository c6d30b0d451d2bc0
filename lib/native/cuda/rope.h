#pragma once
#include <cstdint>

#include "cuda/dtype.h"

namespace tunelab::cuda {

struct QkvShape {
  int64_t heads, kvHeads, headDim;
  int64_t width() const { return (heads + 2 * kvHeads) * headDim; }
};

// Cosines and sines on the device, [position][headDim / 2] each, for positions below `positions`. Kept between calls.
struct RopeTable {
  const float* cosines = nullptr;
  const float* sines = nullptr;
};
RopeTable ropeTable(double theta, int64_t headDim, int64_t positions);

// Adds the biases (nullptr: none) to every row of qkv [rows, width] in place, then rotates q and k:
//   x1' = x1 cos - x2 sin, x2' = x2 cos + x1 sin, x1 and x2 being the two halves of a head.
// direction = -1 rotates back, which is the gradient.
void ropeQkv(void* qkv, Dtype dtype, const QkvShape& shape, const float* qBias, const float* kBias, const float* vBias,
             const int32_t* positions, int64_t rows, const RopeTable& table, float direction);

}  // namespace tunelab::cuda
