// One decoder layer of the Qwen2/Llama family as a native object, and what its passes share. Activations are f32, bf16
// or f16: the type of the input decides.
#pragma once
#include <array>
#include <memory>

#include "cuda/batch.h"
#include "cuda/projection.h"
#include "handle.h"
#include "layer_projections.h"
#include "saving.h"

namespace tunelab::cuda {

// Everything that backward needs besides the input; empty where it was not kept. Row strides of x1, attention, x2 and act
// leave room for the LoRA columns of the group that reads them.
struct LayerActivations {
  Block x1, rstd1;       // normalised input [rows, qkv.stride()], 1 / rms
  Block qkv;             // [rows, (heads + 2 kvHeads) headDim], rotated
  Block attention, lse;  // [rows, o.stride()], [rows, heads]
  Block hidden;          // x + attention part [rows, hiddenSize]
  Block x2, rstd2;       // normalised hidden [rows, gateUp.stride()], 1 / rms
  Block gateUp;          // [rows, 2 intermediateSize], with biases
  Block act;             // silu(gate) up [rows, down.stride()]
};

class DecoderLayer : public HandleObject, public LayerProjections<Projection, ProjectionGroup> {
 public:
  static constexpr const char* kind = "decoder layer";
  explicit DecoderLayer(const Napi::Value& descriptor);

  // The three parts of forward. Attention lies between the first two.
  void projectQkv(const void* x, Dtype dtype, const PackedBatch& batch, const Dropout& dropout, LayerActivations& to);
  void closeAttention(const void* x, Dtype dtype, int64_t rows, const Dropout& dropout, LayerActivations& to);
  void feedForward(Dtype dtype, int64_t rows, const Dropout& dropout, const Keep& keep, LayerActivations& to, void* y);

  void forward(const void* x, Dtype dtype, const PackedBatch& batch, const Dropout& dropout, const Keep& keep, LayerActivations& to,
               void* y);
  // Uses `from` up. dx may be dy, or nullptr: then only the LoRA gradients are made.
  void backward(const void* x, const void* dy, Dtype dtype, const PackedBatch& batch, const Dropout& dropout, LayerActivations& from,
                void* dx, const LoraGradient* gradients);

  // The inputs of attention over the rows of qkv itself.
  AttentionInputs attentionInputs(const LayerActivations& from, Dtype dtype, const PackedBatch& batch) const;
  const StoragePtr& inputNorm() const { return inputNorm_; }
  const StoragePtr& postAttentionNorm() const { return postAttentionNorm_; }

  QkvShape shape;

 private:
  void normaliseInput(const void* x, Dtype dtype, int64_t rows, LayerActivations& to);
  void normaliseHidden(Dtype dtype, int64_t rows, LayerActivations& to);
  void attend(const void* x, Dtype dtype, const PackedBatch& batch, const Dropout& dropout, LayerActivations& to);
  void projectGateUp(Dtype dtype, int64_t rows, const Dropout& dropout, LayerActivations& to);
  // Adds the biases to gateUp first where it comes fresh from its product.
  void activate(Dtype dtype, int64_t rows, bool fresh, LayerActivations& to);

  StoragePtr inputNorm_, postAttentionNorm_;
};

}  // namespace tunelab::cuda
