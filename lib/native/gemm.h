// Matrix products in float32, row-major, on OpenBLAS. Each thread of our pool computes its own stripe with OpenBLAS held
// to one thread: results depend only on shapes and thread count, and nothing spins between calls.
#pragma once
#include <cstdint>

namespace tunelab {

enum class Transpose { no, yes };

// c[m, n] = alpha * op(a)[m, k] * op(b)[k, n] + beta * c. Leading dimensions are row strides of the matrices as stored.
// beta = 0 does not read c.
void gemm(Transpose transposeA, Transpose transposeB, int64_t m, int64_t n, int64_t k, float alpha, const float* a,
          int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc);

// The same for use inside parallel loops, where it stays on the calling thread.
void gemmSerial(Transpose transposeA, Transpose transposeB, int64_t m, int64_t n, int64_t k, float alpha,
                const float* a, int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc);

const char* blasVersion();

}  // namespace tunelab
