// A linear layer with bias and LoRA. The group's products want LoRA's columns behind the input, so an input is copied
// once when there is a pair and used as it is otherwise.
#include "cpu/linear.h"

#include <cstring>

#include "parallel.h"
#include "registrar.h"

namespace tunelab {

// x with room for the LoRA columns in every row.
static Scratch widened(const float* x, int64_t rows, int64_t width, int64_t stride) {
  Scratch wide(rows * stride);
  parallelRanges(rows, 64, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++)
      std::memcpy(wide.data() + row * stride, x + row * width, sizeof(float) * static_cast<size_t>(width));
  });
  return wide;
}

void linearForward(Linear& linear, const float* x, int64_t rows, float* y, const Dropout& dropout) {
  const int64_t in = linear.group.in, stride = linear.group.stride(), out = linear.group.out;
  Scratch wide;
  if (stride != in) wide = widened(x, rows, in, stride);
  // Without LoRA the group only reads its input.
  linear.group.forward(stride != in ? wide.data() : const_cast<float*>(x), rows, 0, y, dropout);
  const float* bias = linear.projection.bias;
  if (!bias) return;
  parallelRanges(rows, 16, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++)
      for (int64_t i = 0; i < out; i++) y[row * out + i] += bias[i];
  });
}

void linearBackward(Linear& linear, const float* x, const float* dy, int64_t rows, float* dx, const Dropout& dropout,
                    const LoraGradient& gradient) {
  const int64_t in = linear.group.in, stride = linear.group.stride();
  if (stride == in) {
    if (dx) linear.group.backward(x, dy, rows, dx, true, dropout, &gradient);
    return;
  }
  const Scratch wide = widened(x, rows, in, stride);
  linear.group.forwardLowRank(wide.data(), rows, dropout);
  Scratch wideDx(rows * stride);
  linear.group.backward(wide.data(), dy, rows, wideDx.data(), dx != nullptr, dropout, &gradient);
  if (!dx) return;
  parallelRanges(rows, 64, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++)
      std::memcpy(dx + row * in, wideDx.data() + row * stride, sizeof(float) * static_cast<size_t>(in));
  });
}

namespace {

Napi::Value create(const Napi::CallbackInfo& info) {
  return makeHandle(info.Env(), std::make_unique<Linear>(info[0]));
}

// setLinearLora(linear, lora | null)
Napi::Value setLora(const Napi::CallbackInfo& info) {
  fromHandle<Linear>(info[0]).projection.setLora(info[1]);
  return info.Env().Undefined();
}

int64_t rowCount(const Napi::CallbackInfo& info, const Span<float>& x, const Linear& linear) {
  const size_t in = static_cast<size_t>(linear.projection.in);
  if (x.size % in != 0)
    refuse(info.Env(), "x has " + std::to_string(x.size) + " elements, expected rows of " + std::to_string(in) + ".");
  return static_cast<int64_t>(x.size / in);
}

Dropout dropoutOf(const Napi::Value& value) {
  Napi::Object options = object(value, "options");
  return {boolean(options.Get("training"), "options.training"),
          static_cast<uint32_t>(integer(options.Get("seed"), "options.seed", 0, UINT32_MAX))};
}

// linearForward(linear, x, y, { training, seed })
Napi::Value forward(const Napi::CallbackInfo& info) {
  Linear& linear = fromHandle<Linear>(info[0]);
  linear.projection.resolve();
  const Span<float> x = floats(info[1], "x");
  const int64_t rows = rowCount(info, x, linear);
  const Span<float> y = floats(info[2], "y", static_cast<size_t>(rows * linear.projection.out));
  linearForward(linear, x.data, rows, y.data, dropoutOf(info[3]));
  return info.Env().Undefined();
}

// linearBackward(linear, x, dy, dx | null, { a, b } | null, { training, seed })
Napi::Value backward(const Napi::CallbackInfo& info) {
  Linear& linear = fromHandle<Linear>(info[0]);
  linear.projection.resolve();
  const Span<float> x = floats(info[1], "x");
  const int64_t rows = rowCount(info, x, linear);
  const Span<float> dy = floats(info[2], "dy", static_cast<size_t>(rows * linear.projection.out));
  const Span<float> dx = optionalFloats(info[3], "dx", x.size);
  LoraGradient gradient;
  if (!isAbsent(info[4])) {
    const Projection& projection = linear.projection;
    if (!projection.lora) refuse(info.Env(), "gradient was given, but the linear layer has no LoRA pair.");
    Napi::Object buffers = object(info[4], "gradient");
    const int64_t rank = projection.lora->rank;
    gradient.a = optionalFloats(buffers.Get("a"), "gradient.a", static_cast<size_t>(rank * projection.in)).data;
    gradient.b = optionalFloats(buffers.Get("b"), "gradient.b", static_cast<size_t>(rank * projection.out)).data;
  }
  linearBackward(linear, x.data, dy.data, rows, dx.data, dropoutOf(info[5]), gradient);
  return info.Env().Undefined();
}

TUNELAB_OP(cpu, "createLinear", create)
TUNELAB_OP(cpu, "setLinearLora", setLora)
TUNELAB_OP(cpu, "linearForward", forward)
TUNELAB_OP(cpu, "linearBackward", backward)

}  // namespace

}  // namespace tunelab
