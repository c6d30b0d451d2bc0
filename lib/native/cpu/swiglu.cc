// SwiGLU (Shazeer 2020): silu(gate) * up in one pass over the output of the fused gate/up product. Backward overwrites
// gate and up by their gradients, which are the input of the next product.
#include "cpu/swiglu.h"

#include "cpu/vector_math.h"
#include "parallel.h"

namespace tunelab {

void swigluForward(float* gateUp, const float* gateBias, const float* upBias, int64_t rows, int64_t width, float* act,
                   int64_t stride) {
  parallelRanges(rows, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++) {
      float* __restrict gate = gateUp + row * 2 * width;
      float* __restrict up = gate + width;
      float* __restrict target = act + row * stride;
      if (gateBias)
        for (int64_t i = 0; i < width; i++) gate[i] += gateBias[i];
      if (upBias)
        for (int64_t i = 0; i < width; i++) up[i] += upBias[i];
#pragma omp simd
      for (int64_t i = 0; i < width; i++) target[i] = gate[i] * sigmoid(gate[i]) * up[i];
    }
  });
}

void swigluBackward(float* gateUp, const float* dAct, int64_t stride, int64_t rows, int64_t width) {
  parallelRanges(rows, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++) {
      float* __restrict gate = gateUp + row * 2 * width;
      float* __restrict up = gate + width;
      const float* __restrict given = dAct + row * stride;
#pragma omp simd
      for (int64_t i = 0; i < width; i++) {
        const float g = gate[i], s = sigmoid(g), d = given[i];
        gate[i] = d * up[i] * s * (1.0f + g * (1.0f - s));
        up[i] = d * g * s;
      }
    }
  });
}

}  // namespace tunelab
