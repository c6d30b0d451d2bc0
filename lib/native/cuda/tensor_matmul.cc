// Batched matrix products of tfjs; the op is that of cpu/tensor_matmul.cc.
#include "cuda/buffer.h"
#include "cuda/gemm.h"
#include "registrar.h"

namespace tunelab::cuda {

// (a, b, out, batch, m, n, k, transposeA, transposeB, sharedA, sharedB): out [batch, m, n] in f32; a and b are both f32, both
// bf16 or both f16, and a shared one has no batch axis.
static Napi::Value batchMatMul(const Napi::CallbackInfo& info) {
  int64_t batch = integer(info[3], "batch", 1), m = integer(info[4], "m", 1);
  const int64_t n = integer(info[5], "n", 1), k = integer(info[6], "k", 1);
  const bool transposeA = boolean(info[7], "transposeA"), transposeB = boolean(info[8], "transposeB");
  const bool sharedA = boolean(info[9], "sharedA"), sharedB = boolean(info[10], "sharedB");
  const StoragePtr a = floatBufferOf(info[0], "a", static_cast<size_t>((sharedA ? 1 : batch) * m * k));
  const StoragePtr b = bufferOf(info[1], a->dtype, "b", static_cast<size_t>((sharedB ? 1 : batch) * k * n));
  const StoragePtr out = bufferOf(info[2], Dtype::f32, "out", static_cast<size_t>(batch * m * n));
  // Rows that are all multiplied by one matrix are one product.
  if (sharedB && !sharedA && !transposeA && batch * m <= INT32_MAX) {
    m *= batch;
    batch = 1;
  }
  const Batch steps{batch, sharedA ? 0 : m * k, sharedB ? 0 : k * n, m * n};
  gemm(transposeA ? Transpose::yes : Transpose::no, transposeB ? Transpose::yes : Transpose::no, m, n, k, 1,
       {a->data(), a->dtype, transposeA ? m : k}, {b->data(), b->dtype, transposeB ? k : n}, 0, nullptr,
       {out->data(), Dtype::f32, n}, steps);
  return info.Env().Undefined();
}

TUNELAB_OP(cudaTensor, "batchMatMul", batchMatMul)

}  // namespace tunelab::cuda
