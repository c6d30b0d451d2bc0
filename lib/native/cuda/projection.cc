#include "cuda/projection.h"

namespace tunelab::cuda {

Projection::Projection(const Napi::Value& descriptor, const std::string& name, uint32_t index) : name(name), index(index) {
  Napi::Object linear = object(descriptor, name.c_str());
  in = integer(linear.Get("inFeatures"), (name + ".inFeatures").c_str(), 1, 1 << 24);
  out = integer(linear.Get("outFeatures"), (name + ".outFeatures").c_str(), 1, 1 << 24);
  weight = FrozenMatrix(linear.Get("weight"), out, in, name + ".weight");
  bias = optionalBufferOf(linear.Get("bias"), Dtype::f32, (name + ".bias").c_str(), static_cast<size_t>(out));
  setLora(linear.Get("lora"));
}

void Projection::setLora(const Napi::Value& descriptor) {
  if (isAbsent(descriptor)) {
    lora.reset();
    return;
  }
  Napi::Object given = object(descriptor, (name + ".lora").c_str());
  Lora next;
  next.a = bufferOf(given.Get("a"), Dtype::f32, (name + ".lora.a").c_str());
  if (next.a->length == 0 || next.a->length % static_cast<size_t>(in) != 0)
    refuse(descriptor.Env(), name + ".lora.a has " + std::to_string(next.a->length) + " elements, expected a multiple of " +
                                 std::to_string(in) + " (inFeatures).");
  next.rank = static_cast<int64_t>(next.a->length) / in;
  next.b = bufferOf(given.Get("b"), Dtype::f32, (name + ".lora.b").c_str(), static_cast<size_t>(next.rank * out));
  next.scaling = static_cast<float>(number(given.Get("scaling"), (name + ".lora.scaling").c_str()));
  const double dropout = numberOr(given.Get("dropout"), (name + ".lora.dropout").c_str(), 0);
  if (!(dropout >= 0 && dropout < 1)) refuse(descriptor.Env(), name + ".lora.dropout must be in [0, 1).");
  next.dropout = static_cast<float>(dropout);
  lora = std::move(next);
}

LoraGradient loraGradient(const Napi::Value& value, const Projection& projection, const std::string& name) {
  if (isAbsent(value)) return {};
  if (!projection.lora) refuse(value.Env(), name + " was given, but the projection has no LoRA pair.");
  Napi::Object buffers = object(value, name.c_str());
  const int64_t rank = projection.lora->rank;
  return {optionalBufferOf(buffers.Get("a"), Dtype::f32, (name + ".a").c_str(), static_cast<size_t>(rank * projection.in)),
          optionalBufferOf(buffers.Get("b"), Dtype::f32, (name + ".b").c_str(), static_cast<size_t>(rank * projection.out))};
}

}  // namespace tunelab::cuda
