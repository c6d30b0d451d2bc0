#include "cpu/projection.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/quant_state.h"

namespace tunelab {

FrozenMatrix::FrozenMatrix(const Napi::Value& descriptor, int64_t out, int64_t in, const std::string& name)
    : out_(out), in_(in), name_(name) {
  Napi::Object weight = object(descriptor, name.c_str());
  const std::string kind = text(weight.Get("kind"), (name + ".kind").c_str());
  if (kind == "dense") {
    floats(weight.Get("values"), (name + ".values").c_str(), static_cast<size_t>(out * in));
    values_ = ArrayRef(weight.Get("values"));
    return;
  }
  if (kind != "nf4") refuse(descriptor.Env(), name + ".kind must be \"nf4\" or \"dense\", not \"" + kind + "\".");
  state_ = Napi::Persistent(object(weight.Get("state"), (name + ".state").c_str()));
  nf4Matrix(state_.Value(), out * in, name + ".state");
}

void FrozenMatrix::resolve() {
  if (state_.IsEmpty())
    dense_ = floats(values_.value(), name_.c_str(), static_cast<size_t>(out_ * in_)).data;
  else
    nf4_ = nf4Matrix(state_.Value(), out_ * in_, name_);
}

void FrozenMatrix::expandRows(int64_t begin, int64_t end, float* target, int64_t stride) const {
  for (int64_t row = begin; row < end; row++, target += stride) {
    if (!dense_)
      dequantizeNf4Range(nf4_, row * in_, (row + 1) * in_, target);
    else
      std::memcpy(target, dense_ + row * in_, sizeof(float) * static_cast<size_t>(in_));
  }
}

Projection::Projection(const Napi::Value& descriptor, const std::string& name, uint32_t index)
    : name(name), index(index) {
  Napi::Object linear = object(descriptor, name.c_str());
  in = integer(linear.Get("inFeatures"), (name + ".inFeatures").c_str(), 1, 1 << 24);
  out = integer(linear.Get("outFeatures"), (name + ".outFeatures").c_str(), 1, 1 << 24);
  weight = FrozenMatrix(linear.Get("weight"), out, in, name + ".weight");
  if (!isAbsent(linear.Get("bias"))) {
    floats(linear.Get("bias"), (name + ".bias").c_str(), static_cast<size_t>(out));
    biasRef = ArrayRef(linear.Get("bias"));
  }
  setLora(linear.Get("lora"));
}

void Projection::setLora(const Napi::Value& descriptor) {
  if (isAbsent(descriptor)) {
    lora.reset();
    return;
  }
  Napi::Object given = object(descriptor, (name + ".lora").c_str());
  Lora next;
  const Span<float> a = floats(given.Get("a"), (name + ".lora.a").c_str());
  if (a.size == 0 || a.size % static_cast<size_t>(in) != 0)
    refuse(descriptor.Env(), name + ".lora.a has " + std::to_string(a.size) + " elements, expected a multiple of " +
                                 std::to_string(in) + " (inFeatures).");
  next.rank = static_cast<int64_t>(a.size) / in;
  floats(given.Get("b"), (name + ".lora.b").c_str(), static_cast<size_t>(next.rank * out));
  next.scaling = static_cast<float>(number(given.Get("scaling"), (name + ".lora.scaling").c_str()));
  const double dropout = numberOr(given.Get("dropout"), (name + ".lora.dropout").c_str(), 0);
  if (!(dropout >= 0 && dropout < 1)) refuse(descriptor.Env(), name + ".lora.dropout must be in [0, 1).");
  next.dropout = static_cast<float>(dropout);
  next.aRef = ArrayRef(given.Get("a"));
  next.bRef = ArrayRef(given.Get("b"));
  lora = std::move(next);
}

void Projection::resolve() {
  weight.resolve();
  bias = biasRef.present() ? floats(biasRef.value(), (name + ".bias").c_str(), static_cast<size_t>(out)).data : nullptr;
  if (lora) {
    lora->a = floats(lora->aRef.value(), (name + ".lora.a").c_str(), static_cast<size_t>(lora->rank * in)).data;
    lora->b = floats(lora->bRef.value(), (name + ".lora.b").c_str(), static_cast<size_t>(lora->rank * out)).data;
  }
}

}  // namespace tunelab
