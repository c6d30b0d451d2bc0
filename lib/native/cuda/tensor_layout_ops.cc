// The JavaScript side of the tfjs kernels that move elements or take them by their indices; the ops are those of
// cpu/tensor_copy.cc and cpu/tensor_gather.cc.
#include "cuda/tensor_copy.h"
#include "cuda/tensor_elements.h"
#include "cuda/tensor_gather.h"
#include "registrar.h"
#include "tensor_arguments.h"

namespace tunelab::cuda {

namespace {

// (from, stridesOfFrom, offsetInFrom, shape, to, stridesOfTo, offsetInTo); both buffers of one type.
Napi::Value copyOp(const Napi::CallbackInfo& info) {
  const StoragePtr from = bufferOf(info[0], "from"), to = bufferOf(info[4], from->dtype, "to");
  Walk<2> walk;
  walk.grid = gridOf(info[3]);
  const auto offset = [&](int at) { return integer(info[at], "offset", 0, mostElements); };
  walk.operands[0] = stridesOf(info[1], "the strides of from", walk.grid, from->length, offset(2));
  walk.operands[1] = stridesOf(info[5], "the strides of to", walk.grid, to->length, offset(6));
  copyWalk(walk, from->data(), to->data(), static_cast<int>(sizeOf(from->dtype)));
  return info.Env().Undefined();
}

// (from, batch, outer, axis, inner, indices, out)
Napi::Value gatherOp(const Napi::CallbackInfo& info) {
  const StoragePtr from = bufferOf(info[0], "from");
  const int64_t batch = integer(info[1], "batch", 1), outer = integer(info[2], "outer", 1, mostElements / batch);
  const int64_t axis = integer(info[3], "axis", 1, mostElements / batch / outer);
  const int64_t inner = integer(info[4], "inner", 1, mostElements / batch / outer / axis);
  const auto indices = elements<int32_t>(info[5], "indices");
  if (indices.size == 0 || indices.size % batch != 0) refuse(info.Env(), "indices must be the same number for every batch.");
  const int64_t count = static_cast<int64_t>(indices.size) / batch;
  bufferOf(info[0], "from", static_cast<size_t>(batch * outer * axis * inner));
  const StoragePtr out = bufferOf(info[6], from->dtype, "out", static_cast<size_t>(batch * outer * count * inner));
  const int64_t rowBytes = inner * static_cast<int64_t>(sizeOf(from->dtype));
  gather({batch, outer, axis, count, rowBytes}, from->data(), indices.data, out->data());
  return info.Env().Undefined();
}

// (indices, lengths, out)
Napi::Value flatIndicesOp(const Napi::CallbackInfo& info) {
  const Grid grid = gridOf(info[1]);
  const auto out = elements<int32_t>(info[2], "out");
  const auto indices = elements<int32_t>(info[0], "indices", out.size * static_cast<size_t>(grid.rank));
  if (grid.size() > INT32_MAX) refuse(info.Env(), "lengths have 2^31 places or more.");
  flatIndices(grid, indices.data, out.data, static_cast<int64_t>(out.size));
  return info.Env().Undefined();
}

// (x, ids, inner, out)
Napi::Value segmentSumOp(const Napi::CallbackInfo& info) {
  const auto ids = elements<int32_t>(info[1], "ids");
  const int64_t inner = integer(info[2], "inner", 1);
  withElements<float, int32_t>(info[0], "x", [&](auto sample) {
    using T = decltype(sample);
    const auto x = elements<T>(info[0], "x", ids.size * static_cast<size_t>(inner)), out = elements<T>(info[3], "out");
    const auto size = static_cast<int64_t>(out.size);
    if (size % inner != 0) refuse(info.Env(), "out must consist of rows of inner elements.");
    segmentSum(x.data, ids.data, static_cast<int64_t>(ids.size), inner, size / inner, out.data);
  });
  return info.Env().Undefined();
}

// (indices, on, off, out)
Napi::Value oneHotOp(const Napi::CallbackInfo& info) {
  const auto indices = elements<int32_t>(info[0], "indices");
  const double on = number(info[1], "on"), off = number(info[2], "off");
  withElements<float, int32_t, math::Bool>(info[3], "out", [&](auto sample) {
    const auto out = elements<decltype(sample)>(info[3], "out");
    if (indices.size == 0 || out.size % indices.size != 0) refuse(info.Env(), "out must have a row for every index.");
    const auto count = static_cast<int64_t>(indices.size);
    oneHot(indices.data, count, static_cast<int64_t>(out.size) / count, on, off, out.data);
  });
  return info.Env().Undefined();
}

TUNELAB_OP(cudaTensor, "copy", copyOp)
TUNELAB_OP(cudaTensor, "gather", gatherOp)
TUNELAB_OP(cudaTensor, "flatIndices", flatIndicesOp)
TUNELAB_OP(cudaTensor, "segmentSum", segmentSumOp)
TUNELAB_OP(cudaTensor, "OneHot", oneHotOp)

}  // namespace

}  // namespace tunelab::cuda
