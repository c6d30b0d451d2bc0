// One projection on its own: the head of a model, or a linear layer outside of a decoder layer.
#pragma once
#include "cuda/projection.h"
#include "handle.h"

namespace tunelab::cuda {

struct Linear : HandleObject {
  static constexpr const char* kind = "linear layer";
  explicit Linear(const Napi::Value& descriptor) : projection(descriptor, "linear", 0), group({&projection}) {}
  Projection projection;
  ProjectionGroup group;
};

// y [rows, out] = x [rows, in] Wᵀ + bias + LoRA; y may be f32 where x is bf16 or f16.
void linearForward(Linear& linear, const void* x, Dtype dtype, int64_t rows, void* y, Dtype outputType, const Dropout& dropout);
// dx [rows, in] (nullptr: not made); adds LoRA gradients. Rows of dy are `strideDy` apart.
void linearBackward(Linear& linear, const void* x, const void* dy, int64_t strideDy, Dtype dtype, int64_t rows, void* dx,
                    const Dropout& dropout, const LoraGradient& gradient);

}  // namespace tunelab::cuda
