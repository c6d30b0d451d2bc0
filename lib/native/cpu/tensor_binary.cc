// Elementwise operations on two broadcast operands: tfjs' arithmetic, comparisons and logic; and its choice between two.
#include "cpu/tensor_rows.h"
#include "parallel.h"
#include "registrar.h"
#include "tensor_arguments.h"

namespace tunelab {

namespace {

// The common strides get loops of their own, which the compiler vectorises.
template <typename F, typename T, typename Out>
void run(const T* a, int64_t stepA, const T* b, int64_t stepB, Out* out, int64_t count) {
  if (stepA == 1 && stepB == 1) {
    for (int64_t i = 0; i < count; i++) out[i] = math::combined<F>(a[i], b[i]);
  } else if (stepA == 1 && stepB == 0) {
    const T right = *b;
    for (int64_t i = 0; i < count; i++) out[i] = math::combined<F>(a[i], right);
  } else if (stepA == 0 && stepB == 1) {
    const T left = *a;
    for (int64_t i = 0; i < count; i++) out[i] = math::combined<F>(left, b[i]);
  } else {
    for (int64_t i = 0; i < count; i++) out[i] = math::combined<F>(a[i * stepA], b[i * stepB]);
  }
}

// (a, stridesOfA, b, stridesOfB, shape, out): out is dense, and may be an operand that is dense too. Ts are the types that
// both operands may have.
template <typename F, typename... Ts>
Napi::Value binary(const Napi::CallbackInfo& info) {
  const Grid grid = gridOf(info[4]);
  withElements<Ts...>(info[0], "a", [&](auto sample) {
    using T = decltype(sample);
    using Out = typename F::template Out<T>;
    const Span<T> a = elements<T>(info[0], "a"), b = elements<T>(info[2], "b");
    const Strides stepsA = stridesOf(info[1], "the strides of a", grid, a.size);
    const Strides stepsB = stridesOf(info[3], "the strides of b", grid, b.size);
    const Span<Out> out = elements<Out>(info[5], "out", grid.size());
    const int64_t innerA = stepsA.step[grid.rank - 1], innerB = stepsB.step[grid.rank - 1];
    eachRow(grid, [&](int64_t row, int64_t begin, int64_t end) {
      run<F>(a.data + stepsA.rowStart(grid, row) + begin * innerA, innerA,
             b.data + stepsB.rowStart(grid, row) + begin * innerB, innerB, out.data + row * grid.inner() + begin, end - begin);
    });
  });
  return info.Env().Undefined();
}

// (condition, a, b, out): elements of a where the condition is true, of b elsewhere; all are dense and of one length.
Napi::Value select(const Napi::CallbackInfo& info) {
  const Span<math::Bool> condition = bytes(info[0], "condition");
  withElements<float, int32_t, math::Bool>(info[1], "a", [&](auto sample) {
    using T = decltype(sample);
    const Span<T> a = elements<T>(info[1], "a", condition.size), b = elements<T>(info[2], "b", condition.size);
    const Span<T> out = elements<T>(info[3], "out", condition.size);
    parallelRanges(condition.size, tensorGrain, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; i++) out[i] = condition[i] ? a[i] : b[i];
    });
  });
  return info.Env().Undefined();
}

}  // namespace

#define REGISTER(F) TUNELAB_OP(tensor, #F, binary<math::F, float>)
TUNELAB_BINARY_OF_FLOATS(REGISTER)
#undef REGISTER
#define REGISTER(F) TUNELAB_OP(tensor, #F, binary<math::F, float, int32_t>)
TUNELAB_BINARY_OF_NUMBERS(REGISTER)
#undef REGISTER
#define REGISTER(F) TUNELAB_OP(tensor, #F, binary<math::F, float, int32_t, math::Bool>)
TUNELAB_COMPARISONS(REGISTER)
#undef REGISTER
#define REGISTER(F) TUNELAB_OP(tensor, #F, binary<math::F, math::Bool>)
TUNELAB_LOGIC(REGISTER)
#undef REGISTER
TUNELAB_OP(tensor, "Select", select)

}  // namespace tunelab
