// A linear layer with bias and LoRA, and embedding from its weight. The group's products want LoRA's columns behind the
// input, so an input is copied once when there is a pair and used as it is otherwise.
#include "cuda/linear.h"

#include "cuda/elementwise.h"
#include "cuda/embedding.h"
#include "cuda/rows.h"
#include "cuda/staging.h"
#include "registrar.h"

namespace tunelab::cuda {

// x with room for the LoRA columns in every row.
static Block widened(const void* x, Dtype dtype, int64_t rows, int64_t width, int64_t stride) {
  Block wide(static_cast<size_t>(rows * stride) * sizeOf(dtype), Owner::workspace);
  copyRows(x, dtype, width, wide.data(), dtype, stride, rows, width);
  return wide;
}

void linearForward(Linear& linear, const void* x, Dtype dtype, int64_t rows, void* y, Dtype outputType, const Dropout& dropout) {
  const int64_t in = linear.group.in, stride = linear.group.stride(), out = linear.group.out;
  Block wide;
  if (stride != in) wide = widened(x, dtype, rows, in, stride);
  // Without LoRA the group only reads its input.
  linear.group.forward(wide ? wide.data() : const_cast<void*>(x), dtype, rows, 0, nullptr, y, outputType, dropout);
  addBias(y, outputType, out, floatsOf(linear.projection.bias), rows, out);
}

void linearBackward(Linear& linear, const void* x, const void* dy, int64_t strideDy, Dtype dtype, int64_t rows, void* dx,
                    const Dropout& dropout, const LoraGradient& gradient) {
  const int64_t in = linear.group.in, stride = linear.group.stride();
  if (stride == in) {
    if (dx) linear.group.backward(x, dy, strideDy, dtype, rows, dx, true, dropout, &gradient);
    return;
  }
  const Block wide = widened(x, dtype, rows, in, stride);
  linear.group.forwardLowRank(wide.data(), dtype, rows, dropout);
  const Block wideDx(static_cast<size_t>(rows * stride) * sizeOf(dtype), Owner::workspace);
  linear.group.backward(wide.data(), dy, strideDy, dtype, rows, wideDx.data(), dx != nullptr, dropout, &gradient);
  if (dx) copyRows(wideDx.data(), dtype, stride, dx, dtype, in, rows, in);
}

namespace {

Napi::Value create(const Napi::CallbackInfo& info) { return makeHandle(info.Env(), std::make_unique<Linear>(info[0])); }

// setLinearLora(linear, lora | null)
Napi::Value setLora(const Napi::CallbackInfo& info) {
  fromHandle<Linear>(info[0]).projection.setLora(info[1]);
  return info.Env().Undefined();
}

int64_t rowCount(const Napi::CallbackInfo& info, const StoragePtr& x, const Linear& linear) {
  const auto in = static_cast<size_t>(linear.projection.in);
  if (x->length % in != 0)
    refuse(info.Env(), "x has " + std::to_string(x->length) + " elements, expected rows of " + std::to_string(in) + ".");
  return static_cast<int64_t>(x->length / in);
}

Dropout dropoutOf(const Napi::Value& value) {
  Napi::Object options = object(value, "options");
  return {boolean(options.Get("training"), "options.training"),
          static_cast<uint32_t>(integer(options.Get("seed"), "options.seed", 0, UINT32_MAX))};
}

// linearForward(linear, x, y, { training, seed })
Napi::Value forward(const Napi::CallbackInfo& info) {
  Linear& linear = fromHandle<Linear>(info[0]);
  const StoragePtr x = floatBufferOf(info[1], "x");
  const int64_t rows = rowCount(info, x, linear);
  const StoragePtr y = floatBufferOf(info[2], "y", static_cast<size_t>(rows * linear.projection.out));
  linearForward(linear, x->data(), x->dtype, rows, y->data(), y->dtype, dropoutOf(info[3]));
  return info.Env().Undefined();
}

// linearBackward(linear, x, dy, dx | null, { a, b } | null, { training, seed })
Napi::Value backward(const Napi::CallbackInfo& info) {
  Linear& linear = fromHandle<Linear>(info[0]);
  const StoragePtr x = floatBufferOf(info[1], "x");
  const int64_t rows = rowCount(info, x, linear), out = linear.projection.out;
  const StoragePtr dy = bufferOf(info[2], x->dtype, "dy", static_cast<size_t>(rows * out));
  const StoragePtr dx = optionalBufferOf(info[3], x->dtype, "dx", x->length);
  const LoraGradient gradient = loraGradient(info[4], linear.projection, "gradient");
  linearBackward(linear, x->data(), dy->data(), out, x->dtype, rows, dx ? dx->data() : nullptr, dropoutOf(info[5]), gradient);
  return info.Env().Undefined();
}

// embedding(linear, ids Int32Array, y [ids, inFeatures])
Napi::Value embeddingOp(const Napi::CallbackInfo& info) {
  Linear& table = fromHandle<Linear>(info[0]);
  const int64_t width = table.projection.in, vocabulary = table.projection.out;
  const Span<int32_t> ids = ints(info[1], "ids");
  const StoragePtr y = floatBufferOf(info[2], "y", ids.size * static_cast<size_t>(width));
  for (size_t i = 0; i < ids.size; i++)
    if (ids[i] < 0 || ids[i] >= vocabulary)
      refuse(info.Env(), "ids[" + std::to_string(i) + "] is " + std::to_string(ids[i]) + ", expected 0 to " +
                             std::to_string(vocabulary - 1) + ".");
  const Block onDevice = uploadArray(ids.data, ids.size);
  table.projection.weight.gather(onDevice.as<int32_t>(), static_cast<int64_t>(ids.size), y->data(), y->dtype);
  return info.Env().Undefined();
}

TUNELAB_OP(cuda, "createLinear", create)
TUNELAB_OP(cuda, "setLinearLora", setLora)
TUNELAB_OP(cuda, "linearForward", forward)
TUNELAB_OP(cuda, "linearBackward", backward)
TUNELAB_OP(cuda, "embedding", embeddingOp)

}  // namespace

}  // namespace tunelab::cuda
