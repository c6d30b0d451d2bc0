// The JavaScript side of reductions and scans of the tfjs kernels; the ops are those of cpu/tensor_reduce.cc.
#include "cuda/tensor_elements.h"
#include "cuda/tensor_reduce.h"
#include "registrar.h"
#include "tensor_arguments.h"

namespace tunelab::cuda {

namespace {

// (x, outer, length, inner, out)
template <template <typename> class R, typename... Ts>
Napi::Value reduceOp(const Napi::CallbackInfo& info) {
  const Lines lines = linesOf(info, 1);
  withElements<Ts...>(info[0], "x", [&](auto sample) {
    using Reduction = R<decltype(sample)>;
    const auto x = elements<typename Reduction::In>(info[0], "x", static_cast<size_t>(lines.size()));
    const auto out = elements<typename Reduction::Out>(info[4], "out", static_cast<size_t>(lines.count()));
    reduce<Reduction>(x.data, lines, out.data);
  });
  return info.Env().Undefined();
}

// (x, outer, length, inner, exclusive, reverse, out)
template <template <typename> class R>
Napi::Value scanOp(const Napi::CallbackInfo& info) {
  const Lines lines = linesOf(info, 1);
  const bool exclusive = boolean(info[4], "exclusive"), reverse = boolean(info[5], "reverse");
  withElements<float, int32_t>(info[0], "x", [&](auto sample) {
    using T = decltype(sample);
    const auto x = elements<T>(info[0], "x", static_cast<size_t>(lines.size()));
    scan<R<T>>(x.data, lines, exclusive, reverse, elements<T>(info[6], "out", x.size).data);
  });
  return info.Env().Undefined();
}

// (x, rows, columns, out)
Napi::Value softmaxOp(const Napi::CallbackInfo& info) {
  const int64_t columns = integer(info[2], "columns", 1), rows = integer(info[1], "rows", 1);
  const auto x = elements<float>(info[0], "x", static_cast<size_t>(rows * columns));
  softmax(x.data, rows, columns, elements<float>(info[3], "out", x.size).data);
  return info.Env().Undefined();
}

TUNELAB_OP(cudaTensor, "Sum", reduceOp<math::SumOf, float, int32_t>)
TUNELAB_OP(cudaTensor, "Mean", reduceOp<math::MeanOf, float>)
TUNELAB_OP(cudaTensor, "Prod", reduceOp<math::ProdOf, float, int32_t>)
TUNELAB_OP(cudaTensor, "Max", reduceOp<math::MaxOf, float, int32_t>)
TUNELAB_OP(cudaTensor, "Min", reduceOp<math::MinOf, float, int32_t>)
TUNELAB_OP(cudaTensor, "ArgMax", reduceOp<math::ArgMaxOf, float, int32_t>)
TUNELAB_OP(cudaTensor, "ArgMin", reduceOp<math::ArgMinOf, float, int32_t>)
TUNELAB_OP(cudaTensor, "All", reduceOp<math::AllOf, math::Bool>)
TUNELAB_OP(cudaTensor, "Any", reduceOp<math::AnyOf, math::Bool>)
TUNELAB_OP(cudaTensor, "Cumsum", scanOp<math::SumOf>)
TUNELAB_OP(cudaTensor, "Cumprod", scanOp<math::ProdOf>)
TUNELAB_OP(cudaTensor, "Softmax", softmaxOp)

}  // namespace

}  // namespace tunelab::cuda
