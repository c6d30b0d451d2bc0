// Batched matrix products of tfjs.
#include "arguments.h"
#include "gemm.h"
#include "parallel.h"
#include "registrar.h"

namespace tunelab {

namespace {

// (a, b, out, batch, m, n, k, transposeA, transposeB, sharedA, sharedB): out [batch, m, n]; a shared operand has no
// batch axis.
Napi::Value batchMatMul(const Napi::CallbackInfo& info) {
  const int64_t batch = integer(info[3], "batch", 1), m = integer(info[4], "m", 1), n = integer(info[5], "n", 1);
  const int64_t k = integer(info[6], "k", 1);
  const Transpose transposeA = boolean(info[7], "transposeA") ? Transpose::yes : Transpose::no;
  const Transpose transposeB = boolean(info[8], "transposeB") ? Transpose::yes : Transpose::no;
  const bool sharedA = boolean(info[9], "sharedA"), sharedB = boolean(info[10], "sharedB");
  const Span<float> a = floats(info[0], "a", (sharedA ? 1 : batch) * m * k);
  const Span<float> b = floats(info[1], "b", (sharedB ? 1 : batch) * k * n);
  const Span<float> out = floats(info[2], "out", batch * m * n);
  const int64_t lda = transposeA == Transpose::yes ? m : k, ldb = transposeB == Transpose::yes ? k : n;
  if (batch == 1) {
    gemm(transposeA, transposeB, m, n, k, 1, a.data, lda, b.data, ldb, 0, out.data, n);
    return info.Env().Undefined();
  }
  parallelTasks(batch, [&](int64_t i, int) {
    gemmSerial(transposeA, transposeB, m, n, k, 1, a.data + (sharedA ? 0 : i * m * k), lda,
               b.data + (sharedB ? 0 : i * k * n), ldb, 0, out.data + i * m * n, n);
  });
  return info.Env().Undefined();
}

}  // namespace

TUNELAB_OP(tensor, "batchMatMul", batchMatMul)

}  // namespace tunelab
