// A plain matrix product, for comparisons and small jobs outside of the layers.
#include "arguments.h"
#include "gemm.h"
#include "registrar.h"

namespace tunelab {

// matmul(a [m, k], b [k, n], c [m, n], m, n, k)
static Napi::Value matmul(const Napi::CallbackInfo& info) {
  const int64_t m = integer(info[3], "m"), n = integer(info[4], "n"), k = integer(info[5], "k");
  const Span<float> a = floats(info[0], "a", static_cast<size_t>(m * k)), b = floats(info[1], "b", static_cast<size_t>(k * n));
  const Span<float> c = floats(info[2], "c", static_cast<size_t>(m * n));
  gemm(Transpose::no, Transpose::no, m, n, k, 1, a.data, k, b.data, n, 0, c.data, n);
  return info.Env().Undefined();
}

TUNELAB_OP(cpu, "matmul", matmul)

}  // namespace tunelab
