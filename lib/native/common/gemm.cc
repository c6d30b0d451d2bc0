#include "gemm.h"

#include <cblas.h>

#include <algorithm>

#include "common/few_rows.h"
#include "parallel.h"

namespace tunelab {

static const bool openBlasIsSerial = [] {
  scipy_openblas_set_num_threads(1);
  return true;
}();

const char* blasVersion() { return scipy_openblas_get_config(); }

static bool suitsFewRows(Transpose transposeA, Transpose transposeB, int64_t m) {
  return m <= fewRows && transposeA == Transpose::no && transposeB == Transpose::yes;
}

void gemmSerial(Transpose transposeA, Transpose transposeB, int64_t m, int64_t n, int64_t k, float alpha,
                const float* a, int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  if (m <= 0 || n <= 0) return;
  if (suitsFewRows(transposeA, transposeB, m)) return gemmFewRows(m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  scipy_cblas_sgemm(CblasRowMajor, transposeA == Transpose::yes ? CblasTrans : CblasNoTrans,
                    transposeB == Transpose::yes ? CblasTrans : CblasNoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c,
                    ldc);
}

void gemm(Transpose transposeA, Transpose transposeB, int64_t m, int64_t n, int64_t k, float alpha, const float* a,
          int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  if (suitsFewRows(transposeA, transposeB, m)) return gemmFewRows(m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  // Below some 10 microseconds of arithmetic or of reading memory a second thread costs more than it brings.
  const bool small = 2 * m * n * k < 1000000 && m * k + k * n + m * n < 100000;
  // Stripes in multiples of the micro kernel's edge, along the longer side of c.
  constexpr int64_t edge = 16;
  const int64_t blocks = (std::max(m, n) + edge - 1) / edge;
  parallelRanges(blocks, small ? blocks : 1, [&](int64_t begin, int64_t end, int) {
    const int64_t first = begin * edge, last = std::min(end * edge, std::max(m, n)), count = last - first;
    if (m >= n) {
      const float* aStripe = transposeA == Transpose::yes ? a + first : a + first * lda;
      gemmSerial(transposeA, transposeB, count, n, k, alpha, aStripe, lda, b, ldb, beta, c + first * ldc, ldc);
    } else {
      const float* bStripe = transposeB == Transpose::yes ? b + first * ldb : b + first;
      gemmSerial(transposeA, transposeB, m, count, k, alpha, a, lda, bStripe, ldb, beta, c + first, ldc);
    }
  });
}

}  // namespace tunelab
