// One decoder layer of the Qwen2/Llama family as a native object, and what its passes share.
#pragma once
#include <array>
#include <memory>
#include <vector>

#include "cpu/attention.h"
#include "cpu/projection.h"
#include "handle.h"
#include "layer_projections.h"
#include "memory.h"
#include "saving.h"

namespace tunelab {

// Rows of several sequences laid end to end.
struct PackedBatch {
  int64_t rows = 0;
  std::vector<int64_t> cuSeqlens;
  const int32_t* positions = nullptr;
};
// Reads { cuSeqlens, positions } for `rows` rows.
PackedBatch packedBatch(const Napi::Value& value, int64_t rows);

// Everything that backward needs besides the input; empty where it was not kept. Row strides of x1, attention, x2 and act
// leave room for the LoRA columns of the group that reads them.
struct LayerActivations {
  Scratch x1, rstd1;        // normalised input [rows, qkv.stride()], 1 / rms
  Scratch qkv;              // [rows, (heads + 2 kvHeads) headDim], rotated
  Scratch attention, lse;   // [rows, o.stride()], [rows, heads]
  Scratch hidden;           // x + attention part [rows, hiddenSize]
  Scratch x2, rstd2;        // normalised hidden [rows, gateUp.stride()], 1 / rms
  Scratch gateUp;           // [rows, 2 intermediateSize], with biases
  Scratch act;              // silu(gate) up [rows, down.stride()]
};

class DecoderLayer : public HandleObject, public LayerProjections<Projection, ProjectionGroup> {
 public:
  static constexpr const char* kind = "decoder layer";
  explicit DecoderLayer(const Napi::Value& descriptor);
  // Looks all referenced arrays up again; call at the start of every op.
  void resolve();

  // The three parts of forward. `attend` lies between the first two.
  void projectQkv(const float* x, const PackedBatch& batch, const Dropout& dropout, LayerActivations& to);
  void closeAttention(const float* x, int64_t rows, const Dropout& dropout, LayerActivations& to);
  void feedForward(int64_t rows, const Dropout& dropout, const Keep& keep, LayerActivations& to, float* y);

  void forward(const float* x, const PackedBatch& batch, const Dropout& dropout, const Keep& keep, LayerActivations& to, float* y);
  // Uses `from` up. dx may be dy, or nullptr: then only the LoRA gradients are made.
  void backward(const float* x, const float* dy, const PackedBatch& batch, const Dropout& dropout,
                LayerActivations& from, float* dx, const LoraGradient* gradients);

  int64_t qkvWidth() const { return (shape.heads + 2 * shape.kvHeads) * shape.headDim; }

  AttentionShape shape;

 private:
  void normaliseInput(const float* x, int64_t rows, LayerActivations& to);
  void normaliseHidden(int64_t rows, LayerActivations& to);
  void attend(const float* x, const PackedBatch& batch, const Dropout& dropout, LayerActivations& to);
  void projectGateUp(int64_t rows, const Dropout& dropout, LayerActivations& to);
  // Adds the biases to gateUp first where it comes fresh from its product.
  void activate(int64_t rows, bool fresh, LayerActivations& to);

  ArrayRef inputNormRef_, postAttentionNormRef_;
  const float* inputNorm_ = nullptr;
  const float* postAttentionNorm_ = nullptr;
};

}  // namespace tunelab
