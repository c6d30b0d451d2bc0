// The decoder layer's construction and passes:
//   h = x + o(attention(rope(qkv(rmsNorm(x))))),  y = h + down(silu(gate(n)) up(n)),  n = rmsNorm(h).
// Fused: q, k, v in one GEMM, gate and up in one GEMM, LoRA inside them (projection.h), bias with rotation, the residual
// sums as the GEMMs' starting value.
#include "cpu/decoder_layer.h"

#include <algorithm>
#include <cstring>

#include "cpu/rmsnorm.h"
#include "cpu/rope.h"
#include "cpu/swiglu.h"
#include "parallel.h"
#include "registrar.h"

namespace tunelab {

PackedBatch packedBatch(const Napi::Value& value, int64_t rows) {
  Napi::Object given = object(value, "batch");
  const Span<int32_t> offsets = ints(given.Get("cuSeqlens"), "batch.cuSeqlens");
  const Span<int32_t> positions = ints(given.Get("positions"), "batch.positions", static_cast<size_t>(rows));
  if (offsets.size < 1 || offsets[0] != 0 || offsets[offsets.size - 1] != rows)
    refuse(value.Env(), "batch.cuSeqlens must run from 0 to the number of rows, " + std::to_string(rows) + ".");
  PackedBatch batch;
  batch.rows = rows;
  batch.positions = positions.data;
  batch.cuSeqlens.assign(offsets.data, offsets.data + offsets.size);
  if (!std::is_sorted(batch.cuSeqlens.begin(), batch.cuSeqlens.end()))
    refuse(value.Env(), "batch.cuSeqlens must not decrease.");
  for (int64_t row = 0; row < rows; row++)
    if (positions.data[row] < 0 || positions.data[row] >= maxPosition)
      refuse(value.Env(), "batch.positions[" + std::to_string(row) + "] is " + std::to_string(positions.data[row]) +
                              ", expected 0 to " + std::to_string(maxPosition - 1) + ".");
  return batch;
}

// --- Construction ---------------------------------------------------------------------------------------------

DecoderLayer::DecoderLayer(const Napi::Value& descriptor) : LayerProjections(descriptor), shape{heads, kvHeads, headDim} {
  Napi::Object layer = object(descriptor, "layer");
  const size_t width = static_cast<size_t>(hiddenSize);
  floats(layer.Get("inputNorm"), "layer.inputNorm", width);
  floats(layer.Get("postAttentionNorm"), "layer.postAttentionNorm", width);
  inputNormRef_ = ArrayRef(layer.Get("inputNorm"));
  postAttentionNormRef_ = ArrayRef(layer.Get("postAttentionNorm"));
}

void DecoderLayer::resolve() {
  inputNorm_ = floats(inputNormRef_.value(), "layer.inputNorm", static_cast<size_t>(hiddenSize)).data;
  postAttentionNorm_ = floats(postAttentionNormRef_.value(), "layer.postAttentionNorm", static_cast<size_t>(hiddenSize)).data;
  for (auto& projection : projections) projection->resolve();
}

static void drop(Scratch& a, Scratch& b) {
  a = Scratch();
  b = Scratch();
}

// --- Forward --------------------------------------------------------------------------------------------------

static void addBias(float* x, int64_t stride, const float* bias, int64_t rows, int64_t width) {
  if (!bias) return;
  parallelRanges(rows, 64, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++)
      for (int64_t i = 0; i < width; i++) x[row * stride + i] += bias[i];
  });
}

static void copyRows(const float* from, float* to, int64_t count) {
  parallelRanges(count, 1 << 16, [&](int64_t begin, int64_t end, int) {
    std::memcpy(to + begin, from + begin, sizeof(float) * static_cast<size_t>(end - begin));
  });
}

void DecoderLayer::normaliseInput(const float* x, int64_t rows, LayerActivations& to) {
  to.x1 = Scratch(rows * qkv_->stride());
  to.rstd1 = Scratch(rows);
  rmsNormForward(x, inputNorm_, rmsNormEps, rows, hiddenSize, to.x1.data(), qkv_->stride(), to.rstd1.data());
}

void DecoderLayer::normaliseHidden(int64_t rows, LayerActivations& to) {
  to.x2 = Scratch(rows * gateUp_->stride());
  to.rstd2 = Scratch(rows);
  rmsNormForward(to.hidden.data(), postAttentionNorm_, rmsNormEps, rows, hiddenSize, to.x2.data(), gateUp_->stride(),
                 to.rstd2.data());
}

void DecoderLayer::projectQkv(const float* x, const PackedBatch& batch, const Dropout& dropout, LayerActivations& to) {
  const int64_t rows = batch.rows, qWidth = shape.heads * shape.headDim, kvWidth = shape.kvHeads * shape.headDim;
  normaliseInput(x, rows, to);
  to.qkv = Scratch(rows * qkvWidth());
  qkv_->forward(to.x1.data(), rows, 0, to.qkv.data(), dropout);
  const RopeTable table = ropeTable(ropeTheta, shape.headDim, batch.positions, rows);
  float* qkv = to.qkv.data();
  ropeRotate(qkv, qkvWidth(), projections[qProj]->bias, batch.positions, rows, shape.heads, shape.headDim, table, 1);
  ropeRotate(qkv + qWidth, qkvWidth(), projections[kProj]->bias, batch.positions, rows, shape.kvHeads, shape.headDim,
             table, 1);
  addBias(qkv + qWidth + kvWidth, qkvWidth(), projections[vProj]->bias, rows, kvWidth);
  to.attention = Scratch(rows * o_->stride());
}

void DecoderLayer::attend(const float* x, const PackedBatch& batch, const Dropout& dropout, LayerActivations& to) {
  projectQkv(x, batch, dropout, to);
  const int64_t qWidth = shape.heads * shape.headDim, kvWidth = shape.kvHeads * shape.headDim;
  std::vector<AttentionSequence> sequences;
  for (size_t i = 0; i + 1 < batch.cuSeqlens.size(); i++) {
    const int64_t first = batch.cuSeqlens[i], count = batch.cuSeqlens[i + 1] - first;
    const float* k = to.qkv.data() + first * qkvWidth() + qWidth;
    sequences.push_back({first, count, count, k, k + kvWidth});
  }
  to.lse = Scratch(batch.rows * shape.heads);
  attentionForward(shape, sequences, to.qkv.data(), qkvWidth(), qkvWidth(), to.attention.data(), o_->stride(),
                   to.lse.data());
}

void DecoderLayer::closeAttention(const float* x, int64_t rows, const Dropout& dropout, LayerActivations& to) {
  to.hidden = Scratch(rows * hiddenSize);
  copyRows(x, to.hidden.data(), rows * hiddenSize);
  o_->forward(to.attention.data(), rows, 1, to.hidden.data(), dropout);
  addBias(to.hidden.data(), hiddenSize, projections[oProj]->bias, rows, hiddenSize);
}

void DecoderLayer::projectGateUp(int64_t rows, const Dropout& dropout, LayerActivations& to) {
  normaliseHidden(rows, to);
  to.gateUp = Scratch(rows * 2 * intermediateSize);
  gateUp_->forward(to.x2.data(), rows, 0, to.gateUp.data(), dropout);
}

void DecoderLayer::activate(int64_t rows, bool fresh, LayerActivations& to) {
  to.act = Scratch(rows * down_->stride());
  swigluForward(to.gateUp.data(), fresh ? projections[gateProj]->bias : nullptr, fresh ? projections[upProj]->bias : nullptr,
                rows, intermediateSize, to.act.data(), down_->stride());
}

void DecoderLayer::feedForward(int64_t rows, const Dropout& dropout, const Keep& keep, LayerActivations& to, float* y) {
  projectGateUp(rows, dropout, to);
  if (!keep.norms) drop(to.x2, to.rstd2);
  activate(rows, true, to);
  if (!keep.gateUp) to.gateUp = Scratch();
  copyRows(to.hidden.data(), y, rows * hiddenSize);
  down_->forward(to.act.data(), rows, 1, y, dropout);
  addBias(y, hiddenSize, projections[downProj]->bias, rows, hiddenSize);
  if (!keep.act) to.act = Scratch();
}

void DecoderLayer::forward(const float* x, const PackedBatch& batch, const Dropout& dropout, const Keep& keep,
                           LayerActivations& to, float* y) {
  attend(x, batch, dropout, to);
  if (!keep.norms) drop(to.x1, to.rstd1);
  if (!keep.attention) drop(to.qkv, to.lse);
  closeAttention(x, batch.rows, dropout, to);
  if (!keep.attention) to.attention = Scratch();
  feedForward(batch.rows, dropout, keep, to, y);
  if (!keep.attention) to.hidden = Scratch();
}

// --- Backward -------------------------------------------------------------------------------------------------

void DecoderLayer::backward(const float* x, const float* dy, const PackedBatch& batch, const Dropout& dropout,
                            LayerActivations& from, float* dx, const LoraGradient* gradients) {
  const int64_t rows = batch.rows;
  const int64_t qWidth = shape.heads * shape.headDim;
  if (!from.hidden) {
    attend(x, batch, dropout, from);
    closeAttention(x, rows, dropout, from);
  }
  const bool fresh = !from.gateUp;
  if (fresh) projectGateUp(rows, dropout, from);
  if (!from.act) {
    activate(rows, fresh, from);
    down_->forwardLowRank(from.act.data(), rows, dropout);
  }
  {
    const Scratch dAct(rows * down_->stride());
    down_->backward(from.act.data(), dy, rows, dAct.data(), true, dropout, gradients + downProj);
    from.act = Scratch();
    swigluBackward(from.gateUp.data(), dAct.data(), down_->stride(), rows, intermediateSize);
  }
  if (!from.x2) {
    normaliseHidden(rows, from);
    gateUp_->forwardLowRank(from.x2.data(), rows, dropout);
  }
  // The gradient of `hidden` lies where dx will be.
  const Scratch own = dx ? Scratch() : Scratch(rows * hiddenSize);
  float* dHidden = dx ? dx : own.data();
  {
    const Scratch dx2(rows * gateUp_->stride());
    gateUp_->backward(from.x2.data(), from.gateUp.data(), rows, dx2.data(), true, dropout, gradients + gateProj);
    from.gateUp = Scratch();
    from.x2 = Scratch();
    rmsNormBackward(from.hidden.data(), postAttentionNorm_, from.rstd2.data(), dx2.data(), gateUp_->stride(), dy, rows,
                    hiddenSize, dHidden);
    from.hidden = Scratch();
  }
  const Scratch dqkv(rows * qkvWidth());
  {
    const Scratch dAttention(rows * o_->stride());
    o_->backward(from.attention.data(), dHidden, rows, dAttention.data(), true, dropout, gradients + oProj);
    attentionBackward(shape, batch.cuSeqlens, from.qkv.data(), from.attention.data(), dAttention.data(), o_->stride(),
                      from.lse.data(), dqkv.data());
    from.attention = Scratch();
    from.qkv = Scratch();
  }
  const RopeTable table = ropeTable(ropeTheta, shape.headDim, batch.positions, rows);
  ropeRotate(dqkv.data(), qkvWidth(), nullptr, batch.positions, rows, shape.heads, shape.headDim, table, -1);
  ropeRotate(dqkv.data() + qWidth, qkvWidth(), nullptr, batch.positions, rows, shape.kvHeads, shape.headDim, table, -1);
  if (!from.x1) {
    normaliseInput(x, rows, from);
    qkv_->forwardLowRank(from.x1.data(), rows, dropout);
  }
  const Scratch dx1(rows * qkv_->stride());
  qkv_->backward(from.x1.data(), dqkv.data(), rows, dx1.data(), dx != nullptr, dropout, gradients + qProj);
  if (dx) rmsNormBackward(x, inputNorm_, from.rstd1.data(), dx1.data(), qkv_->stride(), dx, rows, hiddenSize, dx);
}

}  // namespace tunelab
