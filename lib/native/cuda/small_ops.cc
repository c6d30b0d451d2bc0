// The JavaScript side of the ops that stand alone: norms, SwiGLU, rotation and attention.
#include "cuda/attention.h"
#include "cuda/batch.h"
#include "cuda/buffer.h"
#include "cuda/rmsnorm.h"
#include "cuda/rope.h"
#include "cuda/swiglu.h"
#include "registrar.h"

namespace tunelab::cuda {

namespace {

int64_t rowsOf(const Napi::CallbackInfo& info, const StoragePtr& x, size_t width) {
  if (width == 0 || x->length % width != 0)
    refuse(info.Env(), "x has " + std::to_string(x->length) + " elements, expected rows of " + std::to_string(width) + ".");
  return static_cast<int64_t>(x->length / width);
}

// Another float buffer of the length and type of x.
StoragePtr like(const Napi::Value& value, const StoragePtr& x, const char* name) { return bufferOf(value, x->dtype, name, x->length); }

// rmsNormForward(x, weight, eps, y, rstd)
Napi::Value rmsNormForwardOp(const Napi::CallbackInfo& info) {
  const StoragePtr x = floatBufferOf(info[0], "x"), weight = bufferOf(info[1], Dtype::f32, "weight");
  const int64_t rows = rowsOf(info, x, weight->length), width = static_cast<int64_t>(weight->length);
  const StoragePtr y = like(info[3], x, "y"), rstd = bufferOf(info[4], Dtype::f32, "rstd", static_cast<size_t>(rows));
  rmsNormForward(x->data(), x->dtype, floatsOf(weight), static_cast<float>(number(info[2], "eps")), rows, width, y->data(), width,
                 floatsOf(rstd));
  return info.Env().Undefined();
}

// rmsNormBackward(x, weight, rstd, dy, dx)
Napi::Value rmsNormBackwardOp(const Napi::CallbackInfo& info) {
  const StoragePtr x = floatBufferOf(info[0], "x"), weight = bufferOf(info[1], Dtype::f32, "weight");
  const int64_t rows = rowsOf(info, x, weight->length), width = static_cast<int64_t>(weight->length);
  const StoragePtr rstd = bufferOf(info[2], Dtype::f32, "rstd", static_cast<size_t>(rows));
  const StoragePtr dy = like(info[3], x, "dy"), dx = like(info[4], x, "dx");
  rmsNormBackward(x->data(), x->dtype, floatsOf(weight), floatsOf(rstd), dy->data(), width, nullptr, rows, width, dx->data());
  return info.Env().Undefined();
}

// swigluForward(gateUp [rows, 2 width], act [rows, width], width)
Napi::Value swigluForwardOp(const Napi::CallbackInfo& info) {
  const int64_t width = integer(info[2], "width", 1);
  const StoragePtr act = floatBufferOf(info[1], "act"), gateUp = bufferOf(info[0], act->dtype, "gateUp", 2 * act->length);
  swigluForward(gateUp->data(), gateUp->dtype, nullptr, nullptr, rowsOf(info, act, static_cast<size_t>(width)), width, act->data(), width);
  return info.Env().Undefined();
}

// swigluBackward(gateUp, dAct, width): gateUp becomes its gradient
Napi::Value swigluBackwardOp(const Napi::CallbackInfo& info) {
  const int64_t width = integer(info[2], "width", 1);
  const StoragePtr dAct = floatBufferOf(info[1], "dAct"), gateUp = bufferOf(info[0], dAct->dtype, "gateUp", 2 * dAct->length);
  swigluBackward(gateUp->data(), gateUp->dtype, dAct->data(), width, rowsOf(info, dAct, static_cast<size_t>(width)), width);
  return info.Env().Undefined();
}

// --- On the output of the q/k/v product: rows of q, then k, then v ---------------------------------------------------

struct QkvArguments {
  QkvShape shape;
  std::shared_ptr<const PackedBatch> batch;
  StoragePtr qkv;
  AttentionInputs inputs() const {
    const auto part = [&](int64_t column) {
      return static_cast<char*>(qkv->data()) + column * shape.headDim * static_cast<int64_t>(sizeOf(qkv->dtype));
    };
    return {part(0), part(shape.heads), part(shape.heads + shape.kvHeads), shape.width(), shape.width(), qkv->dtype, shape,
            batch->tiles(), batch->tileCount};
  }
};

// (qkv, { numHeads, numKvHeads, headDim }, batch)
QkvArguments qkvArguments(const Napi::CallbackInfo& info) {
  QkvArguments result;
  Napi::Object geometry = object(info[1], "geometry");
  const auto size = [&](const char* key) { return integer(geometry.Get(key), key, 1, 1 << 20); };
  result.shape = {size("numHeads"), size("numKvHeads"), size("headDim")};
  if (result.shape.heads % result.shape.kvHeads != 0) refuse(info.Env(), "numHeads must be a multiple of numKvHeads.");
  if (result.shape.headDim % 2 != 0) refuse(info.Env(), "headDim must be even.");
  result.batch = packedBatch(info[2], anySize);
  result.qkv = floatBufferOf(info[0], "qkv", static_cast<size_t>(result.batch->rows * result.shape.width()));
  return result;
}

// ropeForward(qkv, { numHeads, numKvHeads, headDim }, batch, ropeTheta, { q?, k?, v? } biases | null): in place
Napi::Value ropeForward(const Napi::CallbackInfo& info) {
  const QkvArguments given = qkvArguments(info);
  const QkvShape& shape = given.shape;
  StoragePtr biases[3];
  if (!isAbsent(info[4])) {
    Napi::Object from = object(info[4], "biases");
    const auto width = [&](int64_t heads) { return static_cast<size_t>(heads * shape.headDim); };
    biases[0] = optionalBufferOf(from.Get("q"), Dtype::f32, "biases.q", width(shape.heads));
    biases[1] = optionalBufferOf(from.Get("k"), Dtype::f32, "biases.k", width(shape.kvHeads));
    biases[2] = optionalBufferOf(from.Get("v"), Dtype::f32, "biases.v", width(shape.kvHeads));
  }
  const RopeTable table = ropeTable(number(info[3], "ropeTheta"), shape.headDim, given.batch->lastPosition + 1);
  ropeQkv(given.qkv->data(), given.qkv->dtype, shape, floatsOf(biases[0]), floatsOf(biases[1]), floatsOf(biases[2]),
          given.batch->positionData(), given.batch->rows, table, 1);
  return info.Env().Undefined();
}

// ropeBackward(dqkv, { numHeads, numKvHeads, headDim }, batch, ropeTheta): in place
Napi::Value ropeBackward(const Napi::CallbackInfo& info) {
  const QkvArguments given = qkvArguments(info);
  const RopeTable table = ropeTable(number(info[3], "ropeTheta"), given.shape.headDim, given.batch->lastPosition + 1);
  ropeQkv(given.qkv->data(), given.qkv->dtype, given.shape, nullptr, nullptr, nullptr, given.batch->positionData(), given.batch->rows,
          table, -1);
  return info.Env().Undefined();
}

// attentionForward(qkv, { numHeads, numKvHeads, headDim }, batch, out, lse)
Napi::Value attentionForwardOp(const Napi::CallbackInfo& info) {
  const QkvArguments given = qkvArguments(info);
  const int64_t width = given.shape.heads * given.shape.headDim;
  const StoragePtr out = bufferOf(info[3], given.qkv->dtype, "out", static_cast<size_t>(given.batch->rows * width));
  const StoragePtr lse = bufferOf(info[4], Dtype::f32, "lse", static_cast<size_t>(given.batch->rows * given.shape.heads));
  attentionForward(given.inputs(), out->data(), width, floatsOf(lse));
  return info.Env().Undefined();
}

// attentionBackward(qkv, { numHeads, numKvHeads, headDim }, batch, out, lse, dOut, dqkv)
Napi::Value attentionBackwardOp(const Napi::CallbackInfo& info) {
  const QkvArguments given = qkvArguments(info);
  const QkvShape& shape = given.shape;
  const int64_t width = shape.heads * shape.headDim, rows = given.batch->rows;
  const StoragePtr out = bufferOf(info[3], given.qkv->dtype, "out", static_cast<size_t>(rows * width));
  const StoragePtr lse = bufferOf(info[4], Dtype::f32, "lse", static_cast<size_t>(rows * shape.heads));
  const StoragePtr dOut = bufferOf(info[5], given.qkv->dtype, "dOut", out->length);
  const StoragePtr dqkv = bufferOf(info[6], given.qkv->dtype, "dqkv", given.qkv->length);
  const Block delta(static_cast<size_t>(rows * shape.heads) * sizeof(float), Owner::workspace);
  const auto part = [&](int64_t column) {
    return static_cast<char*>(dqkv->data()) + column * shape.headDim * static_cast<int64_t>(sizeOf(dqkv->dtype));
  };
  attentionBackward(given.inputs(), out->data(), dOut->data(), width, floatsOf(lse), delta.as<float>(), rows, part(0), part(shape.heads),
                    part(shape.heads + shape.kvHeads));
  return info.Env().Undefined();
}

TUNELAB_OP(cuda, "rmsNormForward", rmsNormForwardOp)
TUNELAB_OP(cuda, "rmsNormBackward", rmsNormBackwardOp)
TUNELAB_OP(cuda, "swigluForward", swigluForwardOp)
TUNELAB_OP(cuda, "swigluBackward", swigluBackwardOp)
TUNELAB_OP(cuda, "ropeForward", ropeForward)
TUNELAB_OP(cuda, "ropeBackward", ropeBackward)
TUNELAB_OP(cuda, "attentionForward", attentionForwardOp)
TUNELAB_OP(cuda, "attentionBackward", attentionBackwardOp)

}  // namespace

}  // namespace tunelab::cuda
