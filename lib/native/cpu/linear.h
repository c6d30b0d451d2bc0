// One projection on its own: the head of a model, or a linear layer outside of a decoder layer.
#pragma once
#include "cpu/projection.h"
#include "handle.h"

namespace tunelab {

struct Linear : HandleObject {
  static constexpr const char* kind = "linear layer";
  explicit Linear(const Napi::Value& descriptor) : projection(descriptor, "linear", 0), group({&projection}) {}
  Projection projection;
  ProjectionGroup group;
};

// y [rows, out] = x [rows, in] Wᵀ + bias + LoRA.
void linearForward(Linear& linear, const float* x, int64_t rows, float* y, const Dropout& dropout);
// dx [rows, in] (nullptr: not made); adds LoRA gradients.
void linearBackward(Linear& linear, const float* x, const float* dy, int64_t rows, float* dx, const Dropout& dropout,
                    const LoraGradient& gradient);

}  // namespace tunelab
