// Elementwise operations on two broadcast operands: tfjs' arithmetic and comparison kernels for float32.
#include <cmath>

#include "cpu/tensor_layout.h"
#include "registrar.h"

namespace tunelab {

namespace {

struct Add { static float of(float a, float b) { return a + b; } };
struct Sub { static float of(float a, float b) { return a - b; } };
struct Multiply { static float of(float a, float b) { return a * b; } };
struct RealDiv { static float of(float a, float b) { return a / b; } };
// A NaN on either side is the result, as in JavaScript's Math.max.
struct Maximum { static float of(float a, float b) { return a > b || a != a ? a : b; } };
struct Minimum { static float of(float a, float b) { return a < b || a != a ? a : b; } };
struct SquaredDifference { static float of(float a, float b) { return (a - b) * (a - b); } };
struct Pow { static float of(float a, float b) { return std::pow(a, b); } };
struct Equal { static uint8_t of(float a, float b) { return a == b; } };
struct NotEqual { static uint8_t of(float a, float b) { return a != b; } };
struct Greater { static uint8_t of(float a, float b) { return a > b; } };
struct GreaterEqual { static uint8_t of(float a, float b) { return a >= b; } };
struct Less { static uint8_t of(float a, float b) { return a < b; } };
struct LessEqual { static uint8_t of(float a, float b) { return a <= b; } };

Span<float> outputOf(const Napi::Value& value, size_t size, float) { return floats(value, "out", size); }
Span<uint8_t> outputOf(const Napi::Value& value, size_t size, uint8_t) { return bytes(value, "out", size); }

// The common strides get loops of their own, which the compiler vectorises.
template <typename F, typename Out>
void run(const float* a, int64_t stepA, const float* b, int64_t stepB, Out* out, int64_t count) {
  if (stepA == 1 && stepB == 1) {
    for (int64_t i = 0; i < count; i++) out[i] = F::of(a[i], b[i]);
  } else if (stepA == 1 && stepB == 0) {
    const float right = *b;
    for (int64_t i = 0; i < count; i++) out[i] = F::of(a[i], right);
  } else if (stepA == 0 && stepB == 1) {
    const float left = *a;
    for (int64_t i = 0; i < count; i++) out[i] = F::of(left, b[i]);
  } else {
    for (int64_t i = 0; i < count; i++) out[i] = F::of(a[i * stepA], b[i * stepB]);
  }
}

// (a, stridesOfA, b, stridesOfB, shape, out): out is dense.
template <typename F>
Napi::Value binary(const Napi::CallbackInfo& info) {
  using Out = decltype(F::of(0, 0));
  const Grid grid = gridOf(info[4]);
  const Span<float> a = floats(info[0], "a"), b = floats(info[2], "b");
  const Strides stepsA = stridesOf(info[1], "the strides of a", grid, a.size);
  const Strides stepsB = stridesOf(info[3], "the strides of b", grid, b.size);
  const Span<Out> out = outputOf(info[5], grid.size(), Out{});
  const int64_t innerA = stepsA.step[grid.rank - 1], innerB = stepsB.step[grid.rank - 1];
  eachRow(grid, [&](int64_t row, int64_t begin, int64_t end) {
    run<F>(a.data + stepsA.rowStart(grid, row) + begin * innerA, innerA,
           b.data + stepsB.rowStart(grid, row) + begin * innerB, innerB, out.data + row * grid.inner() + begin,
           end - begin);
  });
  return info.Env().Undefined();
}

}  // namespace

TUNELAB_OP(tensor, "Add", binary<Add>)
TUNELAB_OP(tensor, "Sub", binary<Sub>)
TUNELAB_OP(tensor, "Multiply", binary<Multiply>)
TUNELAB_OP(tensor, "RealDiv", binary<RealDiv>)
TUNELAB_OP(tensor, "Maximum", binary<Maximum>)
TUNELAB_OP(tensor, "Minimum", binary<Minimum>)
TUNELAB_OP(tensor, "SquaredDifference", binary<SquaredDifference>)
TUNELAB_OP(tensor, "Pow", binary<Pow>)
TUNELAB_OP(tensor, "Equal", binary<Equal>)
TUNELAB_OP(tensor, "NotEqual", binary<NotEqual>)
TUNELAB_OP(tensor, "Greater", binary<Greater>)
TUNELAB_OP(tensor, "GreaterEqual", binary<GreaterEqual>)
TUNELAB_OP(tensor, "Less", binary<Less>)
TUNELAB_OP(tensor, "LessEqual", binary<LessEqual>)

}  // namespace tunelab
