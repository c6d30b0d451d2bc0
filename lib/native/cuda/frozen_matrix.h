// A frozen weight [out, in] on the device: NF4, or dense in f32, bf16 or f16.
#pragma once
#include <napi.h>

#include <string>

#include "cuda/buffer.h"
#include "cuda/nf4.h"

namespace tunelab::cuda {

class FrozenMatrix {
 public:
  FrozenMatrix() = default;
  // `descriptor` is { kind: "nf4", state } or { kind: "dense", values }.
  FrozenMatrix(const Napi::Value& descriptor, int64_t out, int64_t in, const std::string& name);
  // The values themselves when they are held in this type, nullptr otherwise.
  const void* dense(Dtype dtype) const;
  // All rows into target, `stride` apart.
  void expand(void* target, Dtype dtype, int64_t stride) const;
  // Row ids[i] to row i of target [count, in]; ids are on the device.
  void gather(const int32_t* ids, int64_t count, void* target, Dtype dtype) const;
  // The codes when it is NF4, nullptr otherwise.
  const Nf4Matrix* nf4() const { return values_ ? nullptr : &nf4_; }

 private:
  int64_t out_ = 0, in_ = 0;
  StoragePtr values_, packed_, absmax_, nestedAbsmax_, code_, nestedCode_;
  Nf4Matrix nf4_;
};

}  // namespace tunelab::cuda
