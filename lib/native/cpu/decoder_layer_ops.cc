// The decoder layer's JavaScript side: create, change LoRA, forward, backward.
#include "cpu/decoder_layer.h"
#include "registrar.h"

namespace tunelab {

namespace {

// What forward hands to backward.
struct LayerState : HandleObject {
  static constexpr const char* kind = "decoder layer state";
  int64_t rows = 0;
  Dropout dropout;
  std::array<int64_t, projectionCount> ranks{};
  LayerActivations activations;
  bool used = false;
};

int64_t rowCount(const Napi::CallbackInfo& info, const Span<float>& x, int64_t width) {
  if (x.size % static_cast<size_t>(width) != 0)
    refuse(info.Env(), "x has " + std::to_string(x.size) + " elements, expected rows of " + std::to_string(width) + ".");
  return static_cast<int64_t>(x.size) / width;
}

// createDecoderLayer(descriptor) -> handle
Napi::Value create(const Napi::CallbackInfo& info) {
  return makeHandle(info.Env(), std::make_unique<DecoderLayer>(info[0]));
}

// setLora(layer, projection, lora | null)
Napi::Value setLora(const Napi::CallbackInfo& info) {
  fromHandle<DecoderLayer>(info[0]).setLora(text(info[1], "projection"), info[2]);
  return info.Env().Undefined();
}

// decoderLayerForward(layer, x, y, batch, { saving, training, seed }) -> state
Napi::Value forward(const Napi::CallbackInfo& info) {
  DecoderLayer& layer = fromHandle<DecoderLayer>(info[0]);
  layer.resolve();
  const Span<float> x = floats(info[1], "x"), y = floats(info[2], "y", x.size);
  const PackedBatch batch = packedBatch(info[3], rowCount(info, x, layer.hiddenSize));
  Napi::Object options = object(info[4], "options");
  const Keep keep = keepFor(options.Get("saving"));
  auto state = std::make_unique<LayerState>();
  state->rows = batch.rows;
  state->ranks = layer.ranks();
  state->dropout.training = boolean(options.Get("training"), "options.training");
  state->dropout.seed = static_cast<uint32_t>(integer(options.Get("seed"), "options.seed", 0, UINT32_MAX));
  layer.forward(x.data, batch, state->dropout, keep, state->activations, y.data);
  return makeHandle(info.Env(), std::move(state));
}

// decoderLayerBackward(layer, state, x, dy, dx | null, batch, gradients); dx may be dy
Napi::Value backward(const Napi::CallbackInfo& info) {
  DecoderLayer& layer = fromHandle<DecoderLayer>(info[0]);
  layer.resolve();
  LayerState& state = fromHandle<LayerState>(info[1]);
  const Span<float> x = floats(info[2], "x", static_cast<size_t>(state.rows * layer.hiddenSize));
  const Span<float> dy = floats(info[3], "dy", x.size), dx = optionalFloats(info[4], "dx", x.size);
  const PackedBatch batch = packedBatch(info[5], state.rows);
  Napi::Object given = object(info[6], "gradients");
  LoraGradient gradients[projectionCount];
  for (size_t i = 0; i < projectionCount; i++) {
    const Napi::Value pair = given.Get(projectionNames[i]);
    if (isAbsent(pair)) continue;
    const Projection& projection = *layer.projections[i];
    const std::string name = std::string("gradients.") + projection.name;
    if (!projection.lora) refuse(info.Env(), name + " was given, but the projection has no LoRA pair.");
    Napi::Object buffers = object(pair, name.c_str());
    const int64_t rank = projection.lora->rank;
    gradients[i].a = optionalFloats(buffers.Get("a"), (name + ".a").c_str(), static_cast<size_t>(rank * projection.in)).data;
    gradients[i].b = optionalFloats(buffers.Get("b"), (name + ".b").c_str(), static_cast<size_t>(rank * projection.out)).data;
  }
  if (state.used) refuse(info.Env(), "This decoder layer state was used by a backward pass already.");
  if (state.ranks != layer.ranks()) refuse(info.Env(), "The layer's LoRA ranks changed between forward and backward.");
  state.used = true;
  LayerActivations activations = std::move(state.activations);
  layer.backward(x.data, dy.data, batch, state.dropout, activations, dx.data, gradients);
  return info.Env().Undefined();
}

TUNELAB_OP(cpu, "createDecoderLayer", create)
TUNELAB_OP(cpu, "setLora", setLora)
TUNELAB_OP(cpu, "decoderLayerForward", forward)
TUNELAB_OP(cpu, "decoderLayerBackward", backward)

}  // namespace

}  // namespace tunelab
