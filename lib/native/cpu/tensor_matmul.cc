// Batched matrix products of tfjs, and what its fused product adds: a bias for each column.
#include <algorithm>

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

// (out, bias): adds the bias to every row of out.
Napi::Value addBias(const Napi::CallbackInfo& info) {
  const Span<float> out = floats(info[0], "out"), bias = floats(info[1], "bias");
  if (bias.size == 0 || out.size % bias.size != 0) refuse(info.Env(), "bias must be as long as the rows of out.");
  const int64_t width = bias.size;
  parallelRanges(out.size / width, std::max<int64_t>(1, 16384 / width), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++)
      for (int64_t i = 0; i < width; i++) out[row * width + i] += bias[i];
  });
  return info.Env().Undefined();
}

}  // namespace

TUNELAB_OP(tensor, "batchMatMul", batchMatMul)
TUNELAB_OP(tensor, "addBias", addBias)

}  // namespace tunelab
