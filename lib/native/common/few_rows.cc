// The product of a few rows with a large matrix, as decoding has it. A general GEMM first repacks the matrix, which then
// costs more than the product: here every weight is read once, where it lies, and multiplied by all rows at once.
#include "common/few_rows.h"

#include <algorithm>
#include <cstring>

#include "parallel.h"

namespace tunelab {

// Eight floats in one register where there is AVX2; the compiler splits it where there is not.
typedef float Lanes __attribute__((vector_size(32)));
constexpr int64_t lanes = 8;

static inline Lanes load(const float* from) {
  Lanes value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// A block of `rows` x `columns` dot products, accumulated in registers.
template <int rows, int columns>
static void dots(int64_t k, float alpha, const float* x, int64_t strideX, const float* w, int64_t strideW, float beta,
                 float* y, int64_t strideY) {
  Lanes sums[rows][columns] = {};
  int64_t i = 0;
  for (; i + lanes <= k; i += lanes) {
    Lanes weights[columns];
    for (int c = 0; c < columns; c++) weights[c] = load(w + c * strideW + i);
    for (int r = 0; r < rows; r++) {
      const Lanes value = load(x + r * strideX + i);
      for (int c = 0; c < columns; c++) sums[r][c] += value * weights[c];
    }
  }
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < columns; c++) {
      const Lanes& s = sums[r][c];
      float sum = ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
      for (int64_t j = i; j < k; j++) sum += x[r * strideX + j] * w[c * strideW + j];
      float& target = y[r * strideY + c];
      target = beta == 0 ? alpha * sum : beta * target + alpha * sum;
    }
}

template <int columns>
static void columnBlock(int64_t m, int64_t k, float alpha, const float* x, int64_t strideX, const float* w,
                        int64_t strideW, float beta, float* y, int64_t strideY) {
  for (; m >= 3; m -= 3, x += 3 * strideX, y += 3 * strideY)
    dots<3, columns>(k, alpha, x, strideX, w, strideW, beta, y, strideY);
  if (m == 2) dots<2, columns>(k, alpha, x, strideX, w, strideW, beta, y, strideY);
  if (m == 1) dots<1, columns>(k, alpha, x, strideX, w, strideW, beta, y, strideY);
}

void gemmFewRows(int64_t m, int64_t n, int64_t k, float alpha, const float* x, int64_t strideX, const float* w,
                 int64_t strideW, float beta, float* y, int64_t strideY) {
  parallelRanges(n, std::max<int64_t>(16, 100000 / (k + 1)), [&](int64_t begin, int64_t end, int) {
    int64_t column = begin;
    for (; column + 4 <= end; column += 4)
      columnBlock<4>(m, k, alpha, x, strideX, w + column * strideW, strideW, beta, y + column, strideY);
    for (; column < end; column++)
      columnBlock<1>(m, k, alpha, x, strideX, w + column * strideW, strideW, beta, y + column, strideY);
  });
}

}  // namespace tunelab
