// exp in float32 as straight-line code, so that the compiler turns loops over it into vector instructions (libm's call
// keeps them scalar). Relative error below 2e-7 over the whole range.
#pragma once
#include <cstdint>
#include <cstring>

namespace tunelab {

inline float fastExp(float given) {
  // Written so that NaN takes the first branch: it is put back at the end.
  float x = given > -87.0f ? given : -87.0f;
  x = x < 88.0f ? x : 88.0f;
  // x = n ln 2 + r with |r| <= ln 2 / 2; adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
  const float shifted = x * 1.44269504f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  // ln 2 in two parts, the first exact in few bits, so that n * part is exact.
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  // Cephes' minimax polynomial for e^r.
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const uint32_t exponent = static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23;
  float power;
  std::memcpy(&power, &exponent, sizeof power);
  return given != given ? given : p * power;
}

inline float sigmoid(float x) { return 1.0f / (1.0f + fastExp(-x)); }

}  // namespace tunelab
