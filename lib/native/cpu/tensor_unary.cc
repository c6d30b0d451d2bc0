// Elementwise operations on one float32 operand, with up to two parameters (slope, bounds).
#include <cmath>

#include "arguments.h"
#include "cpu/vector_math.h"
#include "parallel.h"
#include "registrar.h"

namespace tunelab {

namespace {

constexpr int64_t grain = 8192;

// fastExp stops at e^-87 and e^88; the square of half the exponent goes on to zero and infinity, without a branch that
// would keep the loop from being vectorised.
inline float exponential(float x) {
  const float root = fastExp(0.5f * x);
  return root * root;
}

struct Neg { static float of(float x, float, float) { return -x; } };
struct Abs { static float of(float x, float, float) { return std::fabs(x); } };
struct Square { static float of(float x, float, float) { return x * x; } };
struct Sqrt { static float of(float x, float, float) { return std::sqrt(x); } };
struct Rsqrt { static float of(float x, float, float) { return 1.0f / std::sqrt(x); } };
struct Reciprocal { static float of(float x, float, float) { return 1.0f / x; } };
struct Exp { static float of(float x, float, float) { return exponential(x); } };
struct Expm1 { static float of(float x, float, float) { return std::expm1(x); } };
struct Log { static float of(float x, float, float) { return std::log(x); } };
struct Log1p { static float of(float x, float, float) { return std::log1p(x); } };
struct Sigmoid { static float of(float x, float, float) { return sigmoid(x); } };
struct Tanh { static float of(float x, float, float) { return std::tanh(x); } };
struct Sin { static float of(float x, float, float) { return std::sin(x); } };
struct Cos { static float of(float x, float, float) { return std::cos(x); } };
struct Floor { static float of(float x, float, float) { return std::floor(x); } };
struct Ceil { static float of(float x, float, float) { return std::ceil(x); } };
struct Relu { static float of(float x, float, float) { return x < 0 ? 0 : x; } };
struct Relu6 { static float of(float x, float, float) { return x < 0 ? 0 : x > 6 ? 6 : x; } };
struct LeakyRelu { static float of(float x, float alpha, float) { return x < 0 ? alpha * x : x; } };
struct Elu { static float of(float x, float, float) { return x < 0 ? std::expm1(x) : x; } };
struct ClipByValue { static float of(float x, float low, float high) { return x > high ? high : x < low ? low : x; } };

// (x, out, first parameter, second parameter)
template <typename F>
Napi::Value unary(const Napi::CallbackInfo& info) {
  const Span<float> x = floats(info[0], "x");
  const Span<float> out = floats(info[1], "out", x.size);
  const float p = numberOr(info[2], "the first parameter", 0), q = numberOr(info[3], "the second parameter", 0);
  parallelRanges(x.size, grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; i++) out[i] = F::of(x[i], p, q);
  });
  return info.Env().Undefined();
}

}  // namespace

TUNELAB_OP(tensor, "Neg", unary<Neg>)
TUNELAB_OP(tensor, "Abs", unary<Abs>)
TUNELAB_OP(tensor, "Square", unary<Square>)
TUNELAB_OP(tensor, "Sqrt", unary<Sqrt>)
TUNELAB_OP(tensor, "Rsqrt", unary<Rsqrt>)
TUNELAB_OP(tensor, "Reciprocal", unary<Reciprocal>)
TUNELAB_OP(tensor, "Exp", unary<Exp>)
TUNELAB_OP(tensor, "Expm1", unary<Expm1>)
TUNELAB_OP(tensor, "Log", unary<Log>)
TUNELAB_OP(tensor, "Log1p", unary<Log1p>)
TUNELAB_OP(tensor, "Sigmoid", unary<Sigmoid>)
TUNELAB_OP(tensor, "Tanh", unary<Tanh>)
TUNELAB_OP(tensor, "Sin", unary<Sin>)
TUNELAB_OP(tensor, "Cos", unary<Cos>)
TUNELAB_OP(tensor, "Floor", unary<Floor>)
TUNELAB_OP(tensor, "Ceil", unary<Ceil>)
TUNELAB_OP(tensor, "Relu", unary<Relu>)
TUNELAB_OP(tensor, "Relu6", unary<Relu6>)
TUNELAB_OP(tensor, "LeakyRelu", unary<LeakyRelu>)
TUNELAB_OP(tensor, "Elu", unary<Elu>)
TUNELAB_OP(tensor, "ClipByValue", unary<ClipByValue>)

}  // namespace tunelab
