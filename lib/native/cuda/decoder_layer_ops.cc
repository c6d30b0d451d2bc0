// The decoder layer's JavaScript side: create, change LoRA, forward, backward. Nothing here waits for the GPU.
#include "cuda/decoder_layer.h"
#include "registrar.h"

namespace tunelab::cuda {

namespace {

// What forward hands to backward.
struct LayerState : HandleObject {
  static constexpr const char* kind = "decoder layer state";
  int64_t rows = 0;
  Dtype dtype = Dtype::f32;
  Dropout dropout;
  std::array<int64_t, projectionCount> ranks{};
  LayerActivations activations;
  bool used = false;
};

// createDecoderLayer(descriptor) -> handle
Napi::Value create(const Napi::CallbackInfo& info) { return makeHandle(info.Env(), std::make_unique<DecoderLayer>(info[0])); }

// setLora(layer, projection, lora | null)
Napi::Value setLora(const Napi::CallbackInfo& info) {
  fromHandle<DecoderLayer>(info[0]).setLora(text(info[1], "projection"), info[2]);
  return info.Env().Undefined();
}

// decoderLayerForward(layer, x, y, batch, { saving, training, seed }) -> state
Napi::Value forward(const Napi::CallbackInfo& info) {
  DecoderLayer& layer = fromHandle<DecoderLayer>(info[0]);
  const StoragePtr x = floatBufferOf(info[1], "x");
  if (x->length % static_cast<size_t>(layer.hiddenSize) != 0)
    refuse(info.Env(), "x has " + std::to_string(x->length) + " elements, expected rows of " + std::to_string(layer.hiddenSize) + ".");
  const StoragePtr y = bufferOf(info[2], x->dtype, "y", x->length);
  const auto batch = packedBatch(info[3], x->length / static_cast<size_t>(layer.hiddenSize));
  Napi::Object options = object(info[4], "options");
  const Keep keep = keepFor(options.Get("saving"));
  auto state = std::make_unique<LayerState>();
  state->rows = batch->rows;
  state->dtype = x->dtype;
  state->ranks = layer.ranks();
  state->dropout.training = boolean(options.Get("training"), "options.training");
  state->dropout.seed = static_cast<uint32_t>(integer(options.Get("seed"), "options.seed", 0, UINT32_MAX));
  layer.forward(x->data(), x->dtype, *batch, state->dropout, keep, state->activations, y->data());
  return makeHandle(info.Env(), std::move(state));
}

// decoderLayerBackward(layer, state, x, dy, dx | null, batch, gradients); dx may be dy
Napi::Value backward(const Napi::CallbackInfo& info) {
  DecoderLayer& layer = fromHandle<DecoderLayer>(info[0]);
  LayerState& state = fromHandle<LayerState>(info[1]);
  const StoragePtr x = bufferOf(info[2], state.dtype, "x", static_cast<size_t>(state.rows * layer.hiddenSize));
  const StoragePtr dy = bufferOf(info[3], state.dtype, "dy", x->length), dx = optionalBufferOf(info[4], state.dtype, "dx", x->length);
  const auto batch = packedBatch(info[5], static_cast<size_t>(state.rows));
  Napi::Object given = object(info[6], "gradients");
  LoraGradient gradients[projectionCount];
  for (size_t i = 0; i < projectionCount; i++)
    gradients[i] = loraGradient(given.Get(projectionNames[i]), *layer.projections[i], std::string("gradients.") + projectionNames[i]);
  if (state.used) refuse(info.Env(), "This decoder layer state was used by a backward pass already.");
  if (state.ranks != layer.ranks()) refuse(info.Env(), "The layer's LoRA ranks changed between forward and backward.");
  state.used = true;
  LayerActivations activations = std::move(state.activations);
  layer.backward(x->data(), dy->data(), x->dtype, *batch, state.dropout, activations, dx ? dx->data() : nullptr, gradients);
  return info.Env().Undefined();
}

Napi::Value setPanelBudgetOp(const Napi::CallbackInfo& info) {
  setPanelBudget(static_cast<size_t>(integer(info[0], "bytes", 0, int64_t{1} << 50)));
  return info.Env().Undefined();
}

TUNELAB_OP(cuda, "createDecoderLayer", create)
TUNELAB_OP(cuda, "setLora", setLora)
TUNELAB_OP(cuda, "decoderLayerForward", forward)
TUNELAB_OP(cuda, "decoderLayerBackward", backward)
TUNELAB_OP(cuda, "setPanelBudget", setPanelBudgetOp)

}  // namespace

}  // namespace tunelab::cuda
