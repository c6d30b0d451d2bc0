// A plain matrix product, for comparisons and small jobs outside of the layers.
#include "cuda/buffer.h"
#include "cuda/gemm.h"
#include "registrar.h"

namespace tunelab::cuda {

// matmul(a [m, k], b [k, n], c [m, n], m, n, k, { transposeA?, transposeB?, alpha?, beta? })
static Napi::Value matmul(const Napi::CallbackInfo& info) {
  const int64_t m = integer(info[3], "m"), n = integer(info[4], "n"), k = integer(info[5], "k");
  const StoragePtr a = floatBufferOf(info[0], "a", static_cast<size_t>(m * k)), b = floatBufferOf(info[1], "b", static_cast<size_t>(k * n));
  const StoragePtr c = floatBufferOf(info[2], "c", static_cast<size_t>(m * n));
  bool transposeA = false, transposeB = false;
  double alpha = 1, beta = 0;
  if (!isAbsent(info[6])) {
    Napi::Object options = object(info[6], "options");
    const auto flag = [&](const char* key) { return !isAbsent(options.Get(key)) && boolean(options.Get(key), key); };
    transposeA = flag("transposeA");
    transposeB = flag("transposeB");
    alpha = numberOr(options.Get("alpha"), "alpha", 1);
    beta = numberOr(options.Get("beta"), "beta", 0);
  }
  gemm(transposeA ? Transpose::yes : Transpose::no, transposeB ? Transpose::yes : Transpose::no, m, n, k,
       static_cast<float>(alpha), {a->data(), a->dtype, transposeA ? m : k}, {b->data(), b->dtype, transposeB ? k : n},
       static_cast<float>(beta), c->data(), {c->data(), c->dtype, n});
  return info.Env().Undefined();
}

TUNELAB_OP(cuda, "matmul", matmul)

}  // namespace tunelab::cuda
