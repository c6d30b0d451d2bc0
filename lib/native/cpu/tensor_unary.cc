// Elementwise operations on one operand: tfjs' mathematical functions, activations and predicates.
#include "cpu/tensor_rows.h"
#include "parallel.h"
#include "registrar.h"

namespace tunelab {

namespace {

// Elements of a function that a second thread is worth.
constexpr int64_t grain = 8192;

template <typename T, typename Out, typename F>
void eachElement(const Span<T>& x, const Span<Out>& out, F f) {
  parallelRanges(x.size, grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; i++) out[i] = f(x[i]);
  });
}

// (x, out, first parameter, second parameter); Ts are the types that x may have, and out has the same.
template <typename F, typename... Ts>
Napi::Value unary(const Napi::CallbackInfo& info) {
  withElements<Ts...>(info[0], "x", [&](auto sample) {
    using T = decltype(sample);
    using C = math::Computed<T>;
    const Span<T> x = elements<T>(info[0], "x");
    const C p = numberOr(info[2], "the first parameter", 0), q = numberOr(info[3], "the second parameter", 0);
    eachElement(x, elements<T>(info[1], "out", x.size), [=](T value) { return math::stored<T>(F::template of<C>(value, p, q)); });
  });
  return info.Env().Undefined();
}

// (x, out): out is of truth values.
template <typename F, typename T>
Napi::Value predicate(const Napi::CallbackInfo& info) {
  const Span<T> x = elements<T>(info[0], "x");
  eachElement(x, bytes(info[1], "out", x.size), [](T value) { return static_cast<math::Bool>(F::of(value)); });
  return info.Env().Undefined();
}

// (x, out): tfjs' cast, by the types of both.
Napi::Value cast(const Napi::CallbackInfo& info) {
  withElements<float, int32_t, math::Bool>(info[0], "x", [&](auto from) {
    withElements<float, int32_t, math::Bool>(info[1], "out", [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      const Span<From> x = elements<From>(info[0], "x");
      eachElement(x, elements<To>(info[1], "out", x.size), [](From value) { return math::cast<To>(value); });
    });
  });
  return info.Env().Undefined();
}

}  // namespace

#define REGISTER(F) TUNELAB_OP(tensor, #F, unary<math::F, float>)
TUNELAB_UNARY_OF_FLOATS(REGISTER)
#undef REGISTER
#define REGISTER(F) TUNELAB_OP(tensor, #F, unary<math::F, float, int32_t>)
TUNELAB_UNARY_OF_NUMBERS(REGISTER)
#undef REGISTER
#define REGISTER(F) TUNELAB_OP(tensor, #F, predicate<math::F, float>)
TUNELAB_PREDICATES(REGISTER)
#undef REGISTER
TUNELAB_OP(tensor, "LogicalNot", predicate<math::LogicalNot, math::Bool>)
TUNELAB_OP(tensor, "Cast", cast)

}  // namespace tunelab
