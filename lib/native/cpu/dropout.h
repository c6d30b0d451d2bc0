// LoRA dropout: a mask that is a pure function of (seed, projection, element), so that backward makes it anew instead of
// storing it. 32-bit arithmetic only, so that JavaScript can compute the same mask with Math.imul.
#pragma once
#include <cstdint>

namespace tunelab {

struct Dropout {
  // False in evaluation: nothing is dropped.
  bool training = false;
  uint32_t seed = 0;
};

// Chris Wellons' lowbias32, a bijective mixer of 32 bits.
inline uint32_t mix32(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return x;
}

// The key of one projection's mask; projections are numbered in the order q, k, v, o, gate, up, down.
inline uint32_t dropoutKey(uint32_t seed, uint32_t projection) { return mix32(seed + projection * 0x9e3779b9u); }

// 0 with the given probability, 1 / (1 - probability) otherwise. `element` is row * inFeatures + column, modulo 2^32.
inline float dropoutFactor(uint32_t key, uint32_t element, float probability, float keepScale) {
  const float uniform = static_cast<float>(static_cast<int32_t>(mix32(element ^ key) >> 8)) * (1.0f / 16777216.0f);
  return uniform < probability ? 0.0f : keepScale;
}

}  // namespace tunelab
