// The decoder layer's construction and passes:
//   h = x + o(attention(rope(qkv(rmsNorm(x))))),  y = h + down(silu(gate(n)) up(n)),  n = rmsNorm(h).
// Fused: q, k, v in one GEMM, gate and up in one GEMM, LoRA inside them (projection.h), bias with rotation, the residual
// sums as the GEMMs' starting value, the residual's gradient with the norm's. Memory is freed as soon as the work that reads
// it is queued: the pool hands it out in the order of the stream. lib/models/passMemory.ts adds up what is held when.
#include "cuda/decoder_layer.h"

#include "cuda/elementwise.h"
#include "cuda/rmsnorm.h"
#include "cuda/swiglu.h"

namespace tunelab::cuda {

// --- Construction ---------------------------------------------------------------------------------------------

DecoderLayer::DecoderLayer(const Napi::Value& descriptor) : LayerProjections(descriptor), shape{heads, kvHeads, headDim} {
  Napi::Object layer = object(descriptor, "layer");
  const auto width = static_cast<size_t>(hiddenSize);
  inputNorm_ = bufferOf(layer.Get("inputNorm"), Dtype::f32, "layer.inputNorm", width);
  postAttentionNorm_ = bufferOf(layer.Get("postAttentionNorm"), Dtype::f32, "layer.postAttentionNorm", width);
}

static Block activation(int64_t count, Dtype dtype) { return Block(static_cast<size_t>(count) * sizeOf(dtype), Owner::activations); }
static void drop(Block& a, Block& b) {
  a = Block();
  b = Block();
}
static char* column(const Block& block, Dtype dtype, int64_t offset) {
  return block.as<char>() + offset * static_cast<int64_t>(sizeOf(dtype));
}

// --- Forward --------------------------------------------------------------------------------------------------

void DecoderLayer::normaliseInput(const void* x, Dtype dtype, int64_t rows, LayerActivations& to) {
  to.x1 = activation(rows * qkv_->stride(), dtype);
  to.rstd1 = activation(rows, Dtype::f32);
  rmsNormForward(x, dtype, floatsOf(inputNorm_), rmsNormEps, rows, hiddenSize, to.x1.data(), qkv_->stride(), to.rstd1.as<float>());
}

void DecoderLayer::normaliseHidden(Dtype dtype, int64_t rows, LayerActivations& to) {
  to.x2 = activation(rows * gateUp_->stride(), dtype);
  to.rstd2 = activation(rows, Dtype::f32);
  rmsNormForward(to.hidden.data(), dtype, floatsOf(postAttentionNorm_), rmsNormEps, rows, hiddenSize, to.x2.data(), gateUp_->stride(),
                 to.rstd2.as<float>());
}

void DecoderLayer::projectQkv(const void* x, Dtype dtype, const PackedBatch& batch, const Dropout& dropout, LayerActivations& to) {
  const int64_t rows = batch.rows;
  normaliseInput(x, dtype, rows, to);
  to.qkv = activation(rows * shape.width(), dtype);
  qkv_->forward(to.x1.data(), dtype, rows, 0, nullptr, to.qkv.data(), dtype, dropout);
  const RopeTable table = ropeTable(ropeTheta, shape.headDim, batch.lastPosition + 1);
  ropeQkv(to.qkv.data(), dtype, shape, floatsOf(projections[qProj]->bias), floatsOf(projections[kProj]->bias),
          floatsOf(projections[vProj]->bias), batch.positionData(), rows, table, 1);
  to.attention = activation(rows * o_->stride(), dtype);
}

AttentionInputs DecoderLayer::attentionInputs(const LayerActivations& from, Dtype dtype, const PackedBatch& batch) const {
  return {from.qkv.data(),
          column(from.qkv, dtype, shape.heads * shape.headDim),
          column(from.qkv, dtype, (shape.heads + shape.kvHeads) * shape.headDim),
          shape.width(),
          shape.width(),
          dtype,
          shape,
          batch.tiles(),
          batch.tileCount};
}

void DecoderLayer::attend(const void* x, Dtype dtype, const PackedBatch& batch, const Dropout& dropout, LayerActivations& to) {
  projectQkv(x, dtype, batch, dropout, to);
  to.lse = activation(batch.rows * shape.heads, Dtype::f32);
  attentionForward(attentionInputs(to, dtype, batch), to.attention.data(), o_->stride(), to.lse.as<float>());
}

void DecoderLayer::closeAttention(const void* x, Dtype dtype, int64_t rows, const Dropout& dropout, LayerActivations& to) {
  to.hidden = activation(rows * hiddenSize, dtype);
  o_->forward(to.attention.data(), dtype, rows, 1, x, to.hidden.data(), dtype, dropout);
  addBias(to.hidden.data(), dtype, hiddenSize, floatsOf(projections[oProj]->bias), rows, hiddenSize);
}

void DecoderLayer::projectGateUp(Dtype dtype, int64_t rows, const Dropout& dropout, LayerActivations& to) {
  normaliseHidden(dtype, rows, to);
  to.gateUp = activation(rows * 2 * intermediateSize, dtype);
  gateUp_->forward(to.x2.data(), dtype, rows, 0, nullptr, to.gateUp.data(), dtype, dropout);
}

void DecoderLayer::activate(Dtype dtype, int64_t rows, bool fresh, LayerActivations& to) {
  to.act = activation(rows * down_->stride(), dtype);
  swigluForward(to.gateUp.data(), dtype, fresh ? floatsOf(projections[gateProj]->bias) : nullptr,
                fresh ? floatsOf(projections[upProj]->bias) : nullptr, rows, intermediateSize, to.act.data(), down_->stride());
}

void DecoderLayer::feedForward(Dtype dtype, int64_t rows, const Dropout& dropout, const Keep& keep, LayerActivations& to, void* y) {
  projectGateUp(dtype, rows, dropout, to);
  if (!keep.norms) drop(to.x2, to.rstd2);
  activate(dtype, rows, true, to);
  if (!keep.gateUp) to.gateUp = Block();
  down_->forward(to.act.data(), dtype, rows, 1, to.hidden.data(), y, dtype, dropout);
  addBias(y, dtype, hiddenSize, floatsOf(projections[downProj]->bias), rows, hiddenSize);
  if (!keep.act) to.act = Block();
}

void DecoderLayer::forward(const void* x, Dtype dtype, const PackedBatch& batch, const Dropout& dropout, const Keep& keep,
                           LayerActivations& to, void* y) {
  attend(x, dtype, batch, dropout, to);
  if (!keep.norms) drop(to.x1, to.rstd1);
  if (!keep.attention) drop(to.qkv, to.lse);
  closeAttention(x, dtype, batch.rows, dropout, to);
  if (!keep.attention) to.attention = Block();
  feedForward(dtype, batch.rows, dropout, keep, to, y);
  if (!keep.attention) to.hidden = Block();
}

// --- Backward -------------------------------------------------------------------------------------------------

void DecoderLayer::backward(const void* x, const void* dy, Dtype dtype, const PackedBatch& batch, const Dropout& dropout,
                            LayerActivations& from, void* dx, const LoraGradient* gradients) {
  const int64_t rows = batch.rows;
  if (!from.hidden) {
    attend(x, dtype, batch, dropout, from);
    closeAttention(x, dtype, rows, dropout, from);
  }
  const bool fresh = !from.gateUp;
  if (fresh) projectGateUp(dtype, rows, dropout, from);
  if (!from.act) {
    activate(dtype, rows, fresh, from);
    down_->forwardLowRank(from.act.data(), dtype, rows, dropout);
  }
  {
    const Block dAct = activation(rows * down_->stride(), dtype);
    down_->backward(from.act.data(), dy, hiddenSize, dtype, rows, dAct.data(), true, dropout, gradients + downProj);
    from.act = Block();
    swigluBackward(from.gateUp.data(), dtype, dAct.data(), down_->stride(), rows, intermediateSize);
  }
  if (!from.x2) {
    normaliseHidden(dtype, rows, from);
    gateUp_->forwardLowRank(from.x2.data(), dtype, rows, dropout);
  }
  // The gradient of `hidden` lies where dx will be.
  const Block own = dx ? Block() : activation(rows * hiddenSize, dtype);
  void* dHidden = dx ? dx : own.data();
  {
    const Block dx2 = activation(rows * gateUp_->stride(), dtype);
    gateUp_->backward(from.x2.data(), from.gateUp.data(), 2 * intermediateSize, dtype, rows, dx2.data(), true, dropout,
                      gradients + gateProj);
    from.gateUp = Block();
    from.x2 = Block();
    rmsNormBackward(from.hidden.data(), dtype, floatsOf(postAttentionNorm_), from.rstd2.as<float>(), dx2.data(), gateUp_->stride(), dy,
                    rows, hiddenSize, dHidden);
    from.hidden = Block();
  }
  const Block dqkv = activation(rows * shape.width(), dtype);
  {
    const Block dAttention = activation(rows * o_->stride(), dtype), delta = activation(rows * shape.heads, Dtype::f32);
    o_->backward(from.attention.data(), dHidden, hiddenSize, dtype, rows, dAttention.data(), true, dropout, gradients + oProj);
    attentionBackward(attentionInputs(from, dtype, batch), from.attention.data(), dAttention.data(), o_->stride(), from.lse.as<float>(),
                      delta.as<float>(), rows, dqkv.data(), column(dqkv, dtype, shape.heads * shape.headDim),
                      column(dqkv, dtype, (shape.heads + shape.kvHeads) * shape.headDim));
    from.attention = Block();
    from.qkv = Block();
  }
  const RopeTable table = ropeTable(ropeTheta, shape.headDim, batch.lastPosition + 1);
  ropeQkv(dqkv.data(), dtype, shape, nullptr, nullptr, nullptr, batch.positionData(), rows, table, -1);
  if (!from.x1) {
    normaliseInput(x, dtype, rows, from);
    qkv_->forwardLowRank(from.x1.data(), dtype, rows, dropout);
  }
  const Block dx1 = activation(rows * qkv_->stride(), dtype);
  qkv_->backward(from.x1.data(), dqkv.data(), shape.width(), dtype, rows, dx1.data(), dx != nullptr, dropout, gradients + qProj);
  if (dx)
    rmsNormBackward(x, dtype, floatsOf(inputNorm_), from.rstd1.as<float>(), dx1.data(), qkv_->stride(), dx, rows, hiddenSize, dx);
}

}  // namespace tunelab::cuda
