#pragma once
#include <cstdint>

namespace tunelab {

constexpr int32_t maxPosition = 1 << 20;

// Cosines and sines of every position up to the largest asked for: [position][headDim / 2]. Kept between calls.
struct RopeTable {
  const float* cosines;
  const float* sines;
};
RopeTable ropeTable(double theta, int64_t headDim, const int32_t* positions, int64_t rows);

// Rotates `heads` heads of every row of x in place, after adding bias (nullptr: none):
//   x1' = x1 cos - x2 sin, x2' = x2 cos + x1 sin, x1 and x2 being the two halves of a head.
// direction = -1 rotates back, which is the gradient.
void ropeRotate(float* x, int64_t stride, const float* bias, const int32_t* positions, int64_t rows, int64_t heads,
                int64_t headDim, const RopeTable& table, float direction);

}  // namespace tunelab
