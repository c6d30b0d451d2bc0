// The JavaScript side of the elementwise tfjs kernels; the ops are those of cpu/tensor_unary.cc and cpu/tensor_binary.cc.
#include "cuda/tensor_binary.h"
#include "cuda/tensor_elements.h"
#include "cuda/tensor_unary.h"
#include "registrar.h"
#include "tensor_arguments.h"

namespace tunelab::cuda {

namespace {

// (x, out, first parameter, second parameter)
template <typename F, typename... Ts>
Napi::Value unaryOp(const Napi::CallbackInfo& info) {
  const double p = numberOr(info[2], "the first parameter", 0), q = numberOr(info[3], "the second parameter", 0);
  withElements<Ts...>(info[0], "x", [&](auto sample) {
    using T = decltype(sample);
    const auto x = elements<T>(info[0], "x"), out = elements<T>(info[1], "out", x.size);
    unary<F>(x.data, out.data, static_cast<int64_t>(x.size), p, q);
  });
  return info.Env().Undefined();
}

// (x, out)
template <typename F, typename T>
Napi::Value predicateOp(const Napi::CallbackInfo& info) {
  const auto x = elements<T>(info[0], "x");
  predicate<F>(x.data, elements<math::Bool>(info[1], "out", x.size).data, static_cast<int64_t>(x.size));
  return info.Env().Undefined();
}

// (x, out)
Napi::Value castOp(const Napi::CallbackInfo& info) {
  withElements<float, int32_t, math::Bool>(info[0], "x", [&](auto from) {
    withElements<float, int32_t, math::Bool>(info[1], "out", [&](auto to) {
      const auto x = elements<decltype(from)>(info[0], "x");
      castElements(x.data, elements<decltype(to)>(info[1], "out", x.size).data, static_cast<int64_t>(x.size));
    });
  });
  return info.Env().Undefined();
}

// (a, stridesOfA, b, stridesOfB, shape, out)
template <typename F, typename... Ts>
Napi::Value binaryOp(const Napi::CallbackInfo& info) {
  Walk<2> walk;
  walk.grid = gridOf(info[4]);
  withElements<Ts...>(info[0], "a", [&](auto sample) {
    using T = decltype(sample);
    const auto a = elements<T>(info[0], "a"), b = elements<T>(info[2], "b");
    walk.operands[0] = stridesOf(info[1], "the strides of a", walk.grid, a.size);
    walk.operands[1] = stridesOf(info[3], "the strides of b", walk.grid, b.size);
    const auto out = elements<typename F::template Out<T>>(info[5], "out", static_cast<size_t>(walk.grid.size()));
    binary<F>(walk, a.data, b.data, out.data);
  });
  return info.Env().Undefined();
}

// (condition, a, b, out)
Napi::Value selectOp(const Napi::CallbackInfo& info) {
  const auto condition = elements<math::Bool>(info[0], "condition");
  const size_t size = condition.size;
  const StoragePtr a = bufferOf(info[1], "a", size), b = bufferOf(info[2], a->dtype, "b", size);
  const StoragePtr out = bufferOf(info[3], a->dtype, "out", size);
  const auto run = [&](auto sample) {
    using T = decltype(sample);
    const auto at = [](const StoragePtr& storage) { return static_cast<T*>(storage->data()); };
    select<T>(condition.data, at(a), at(b), at(out), static_cast<int64_t>(size));
  };
  if (sizeOf(a->dtype) == 4)
    run(uint32_t{});
  else if (sizeOf(a->dtype) == 1)
    run(uint8_t{});
  else
    refuse(info.Env(), "a must be f32, i32 or u8.");
  return info.Env().Undefined();
}

#define REGISTER(F) TUNELAB_OP(cudaTensor, #F, unaryOp<math::F, float>)
TUNELAB_UNARY_OF_FLOATS(REGISTER)
#undef REGISTER
#define REGISTER(F) TUNELAB_OP(cudaTensor, #F, unaryOp<math::F, float, int32_t>)
TUNELAB_UNARY_OF_NUMBERS(REGISTER)
#undef REGISTER
#define REGISTER(F) TUNELAB_OP(cudaTensor, #F, predicateOp<math::F, float>)
TUNELAB_PREDICATES(REGISTER)
#undef REGISTER
TUNELAB_OP(cudaTensor, "LogicalNot", predicateOp<math::LogicalNot, math::Bool>)
TUNELAB_OP(cudaTensor, "Cast", castOp)
#define REGISTER(F) TUNELAB_OP(cudaTensor, #F, binaryOp<math::F, float>)
TUNELAB_BINARY_OF_FLOATS(REGISTER)
#undef REGISTER
#define REGISTER(F) TUNELAB_OP(cudaTensor, #F, binaryOp<math::F, float, int32_t>)
TUNELAB_BINARY_OF_NUMBERS(REGISTER)
#undef REGISTER
#define REGISTER(F) TUNELAB_OP(cudaTensor, #F, binaryOp<math::F, float, int32_t, math::Bool>)
TUNELAB_COMPARISONS(REGISTER)
#undef REGISTER
#define REGISTER(F) TUNELAB_OP(cudaTensor, #F, binaryOp<math::F, math::Bool>)
TUNELAB_LOGIC(REGISTER)
#undef REGISTER
TUNELAB_OP(cudaTensor, "Select", selectOp)

}  // namespace

}  // namespace tunelab::cuda
