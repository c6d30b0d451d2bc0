// What the tfjs kernels make of one element or two: one definition for the CPU and the GPU, and the lists from which both
// register their ops. Numbers are computed in float32; integers as JavaScript computes them, in double precision and cut
// to 32 bits afterwards.
#pragma once
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "cpu/vector_math.h"

#if defined(__CUDACC__)
#define TUNELAB_BOTH __host__ __device__
#else
#define TUNELAB_BOTH
#endif

namespace tunelab::math {

// --- Elements --------------------------------------------------------------------------------------------------------

// Truth values are the bytes 0 and 1.
using Bool = uint8_t;

// What an element is computed in.
template <typename T>
using Computed = std::conditional_t<std::is_same<T, int32_t>::value, double, float>;

// JavaScript's ToInt32: cut towards zero, modulo 2^32; 0 for NaN and infinity.
TUNELAB_BOTH inline int32_t toInt32(double x) {
  if (!(std::fabs(x) < 9e18)) {
    if (x != x || std::fabs(x) == INFINITY) return 0;
    x = std::fmod(x, 4294967296.0);
  }
  return static_cast<int32_t>(static_cast<uint32_t>(static_cast<int64_t>(x)));
}

// A result as an element.
template <typename Out, typename T>
TUNELAB_BOTH Out stored(T result) {
  if constexpr (std::is_same<Out, int32_t>::value && std::is_floating_point<T>::value)
    return toInt32(result);
  else
    return static_cast<Out>(result);
}

// fastExp stops at e^-87 and e^88; the square of half the exponent goes on to zero and infinity, without a branch that
// would keep the CPU's loops from being vectorised.
TUNELAB_BOTH inline float exponential(float x) {
#if defined(__CUDA_ARCH__)
  return expf(x);
#else
  const float root = fastExp(0.5f * x);
  return root * root;
#endif
}

TUNELAB_BOTH inline float logistic(float x) {
#if defined(__CUDA_ARCH__)
  return 1.0f / (1.0f + expf(-x));
#else
  return sigmoid(x);
#endif
}

// --- One operand, with up to two parameters: a slope, bounds ---------------------------------------------------------

#define TUNELAB_OF_X                    \
  template <typename T>                 \
  TUNELAB_BOTH static T of([[maybe_unused]] T x, [[maybe_unused]] T p, [[maybe_unused]] T q)

struct Neg { TUNELAB_OF_X { return -x; } };
struct Abs { TUNELAB_OF_X { return std::fabs(x); } };
struct Square { TUNELAB_OF_X { return x * x; } };
struct Sqrt { TUNELAB_OF_X { return std::sqrt(x); } };
struct Rsqrt { TUNELAB_OF_X { return 1 / std::sqrt(x); } };
struct Reciprocal { TUNELAB_OF_X { return 1 / x; } };
struct Exp { TUNELAB_OF_X { return exponential(x); } };
struct Expm1 { TUNELAB_OF_X { return std::expm1(x); } };
struct Log { TUNELAB_OF_X { return std::log(x); } };
struct Log1p { TUNELAB_OF_X { return std::log1p(x); } };
struct Sin { TUNELAB_OF_X { return std::sin(x); } };
struct Cos { TUNELAB_OF_X { return std::cos(x); } };
// In double precision, for near its poles an error of a last place is large.
struct Tan { TUNELAB_OF_X { return static_cast<T>(std::tan(static_cast<double>(x))); } };
struct Asin { TUNELAB_OF_X { return std::asin(x); } };
struct Acos { TUNELAB_OF_X { return std::acos(x); } };
struct Atan { TUNELAB_OF_X { return std::atan(x); } };
struct Sinh { TUNELAB_OF_X { return std::sinh(x); } };
struct Cosh { TUNELAB_OF_X { return std::cosh(x); } };
struct Tanh { TUNELAB_OF_X { return std::tanh(x); } };
struct Asinh { TUNELAB_OF_X { return std::asinh(x); } };
struct Acosh { TUNELAB_OF_X { return std::acosh(x); } };
struct Atanh { TUNELAB_OF_X { return std::atanh(x); } };
struct Erf { TUNELAB_OF_X { return std::erf(x); } };
struct Floor { TUNELAB_OF_X { return std::floor(x); } };
struct Ceil { TUNELAB_OF_X { return std::ceil(x); } };
// Halves go to the even neighbour.
struct Round { TUNELAB_OF_X { return std::rint(x); } };
struct Sign { TUNELAB_OF_X { return x < 0 ? -1 : x > 0 ? 1 : 0; } };
struct Step { TUNELAB_OF_X { return x > 0 ? 1 : x != x ? x : p; } };
struct ClipByValue { TUNELAB_OF_X { return x > q ? q : x < p ? p : x; } };
struct Sigmoid { TUNELAB_OF_X { return logistic(x); } };
struct Relu { TUNELAB_OF_X { return x < 0 ? 0 : x; } };
struct Relu6 { TUNELAB_OF_X { return x < 0 ? 0 : x > 6 ? 6 : x; } };
struct LeakyRelu { TUNELAB_OF_X { return x < 0 ? p * x : x; } };
struct Elu { TUNELAB_OF_X { return x < 0 ? std::expm1(x) : x; } };
// Klambauer et al. 2017: the scale, and its product with alpha.
struct Selu { TUNELAB_OF_X { return x < 0 ? T(1.7580993408473768) * std::expm1(x) : T(1.0507009873554805) * x; } };
struct Softplus { TUNELAB_OF_X { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); } };

struct IsNan { template <typename T> TUNELAB_BOTH static bool of(T x) { return x != x; } };
struct IsInf { template <typename T> TUNELAB_BOTH static bool of(T x) { return std::fabs(x) == INFINITY; } };
struct IsFinite { template <typename T> TUNELAB_BOTH static bool of(T x) { return std::fabs(x) < INFINITY; } };
struct LogicalNot { template <typename T> TUNELAB_BOTH static bool of(T x) { return x == 0; } };

#define TUNELAB_UNARY_OF_FLOATS(X)                                                                                   \
  X(Sqrt) X(Rsqrt) X(Reciprocal) X(Exp) X(Expm1) X(Log) X(Log1p) X(Sin) X(Cos) X(Tan) X(Asin) X(Acos) X(Atan)        \
  X(Sinh) X(Cosh) X(Tanh) X(Asinh) X(Acosh) X(Atanh) X(Erf) X(Floor) X(Ceil) X(Round) X(Sigmoid) X(LeakyRelu) X(Elu) \
  X(Selu) X(Softplus)
// Of numbers or integers.
#define TUNELAB_UNARY_OF_NUMBERS(X) X(Neg) X(Abs) X(Square) X(Sign) X(Step) X(ClipByValue) X(Relu) X(Relu6)
// Of numbers, to truth values.
#define TUNELAB_PREDICATES(X) X(IsNan) X(IsInf) X(IsFinite)

// --- Two operands of one type ----------------------------------------------------------------------------------------

#define TUNELAB_OF_AB       \
  template <typename T>     \
  TUNELAB_BOTH static auto of(T a, T b)

// The type of the result's elements.
struct OperandType { template <typename T> using Out = T; };
struct IntegerType { template <typename T> using Out = int32_t; };
struct BoolType { template <typename T> using Out = Bool; };

struct Add : OperandType { TUNELAB_OF_AB { return a + b; } };
struct Sub : OperandType { TUNELAB_OF_AB { return a - b; } };
struct Multiply : OperandType { TUNELAB_OF_AB { return a * b; } };
struct RealDiv : OperandType { TUNELAB_OF_AB { return a / b; } };
// A NaN on either side is the result, as in JavaScript's Math.max.
struct Maximum : OperandType { TUNELAB_OF_AB { return a > b || a != a ? a : b; } };
struct Minimum : OperandType { TUNELAB_OF_AB { return a < b || a != a ? a : b; } };
struct SquaredDifference : OperandType { TUNELAB_OF_AB { return (a - b) * (a - b); } };
struct Pow : OperandType {
  TUNELAB_OF_AB {
    // Where C says 1, JavaScript says NaN: to the power of NaN, and 1 or -1 to the power of infinity.
    if (b != b || (std::fabs(a) == 1 && std::fabs(b) == INFINITY)) return static_cast<T>(NAN);
    // Integers, computed in double precision: cut off, a last place too little would be one too little.
    return std::is_same<T, double>::value ? std::rint(std::pow(a, b)) : std::pow(a, b);
  }
};
struct Atan2 : OperandType { TUNELAB_OF_AB { return std::atan2(a, b); } };
// In double precision, for a sum or quotient rounded to float32 can fall on the other side of an integer.
struct Mod : OperandType {
  TUNELAB_OF_AB {
    const double divisor = b, rest = std::fmod(double(a), divisor);
    return (a < 0 && b < 0) || (a >= 0 && b >= 0) ? rest : std::fmod(rest + divisor, divisor);
  }
};
struct FloorDiv : IntegerType { TUNELAB_OF_AB { return std::floor(double(a) / double(b)); } };
// a is what the slope b applies to.
struct Prelu : OperandType { TUNELAB_OF_AB { return a < 0 ? b * a : a; } };
// a is the gradient of elu's output b.
struct EluGrad : OperandType { TUNELAB_OF_AB { return b < 0 ? a * (b + 1) : a; } };

struct Equal : BoolType { TUNELAB_OF_AB { return a == b; } };
struct NotEqual : BoolType { TUNELAB_OF_AB { return a != b; } };
struct Greater : BoolType { TUNELAB_OF_AB { return a > b; } };
struct GreaterEqual : BoolType { TUNELAB_OF_AB { return a >= b; } };
struct Less : BoolType { TUNELAB_OF_AB { return a < b; } };
struct LessEqual : BoolType { TUNELAB_OF_AB { return a <= b; } };
struct LogicalAnd : BoolType { TUNELAB_OF_AB { return a != 0 && b != 0; } };
struct LogicalOr : BoolType { TUNELAB_OF_AB { return a != 0 || b != 0; } };

// What F makes of two elements.
template <typename F, typename T>
TUNELAB_BOTH typename F::template Out<T> combined(T a, T b) {
  using C = Computed<T>;
  return stored<typename F::template Out<T>>(F::of(static_cast<C>(a), static_cast<C>(b)));
}

#define TUNELAB_BINARY_OF_FLOATS(X) X(RealDiv) X(Atan2) X(Prelu) X(EluGrad)
// Of numbers or integers.
#define TUNELAB_BINARY_OF_NUMBERS(X) \
  X(Add) X(Sub) X(Multiply) X(Maximum) X(Minimum) X(SquaredDifference) X(Pow) X(Mod) X(FloorDiv)
// Of numbers, integers or truth values.
#define TUNELAB_COMPARISONS(X) X(Equal) X(NotEqual) X(Greater) X(GreaterEqual) X(Less) X(LessEqual)
// Of truth values.
#define TUNELAB_LOGIC(X) X(LogicalAnd) X(LogicalOr)

// --- Conversions -----------------------------------------------------------------------------------------------------

// tfjs' cast: towards zero, and whatever is not zero is true.
template <typename To, typename From>
TUNELAB_BOTH To cast(From x) {
  if constexpr (std::is_same<To, Bool>::value)
    return x != 0;
  else
    return stored<To>(x);
}

}  // namespace tunelab::math
