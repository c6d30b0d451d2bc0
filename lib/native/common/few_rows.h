#pragma once
#include <cstdint>

namespace tunelab {

// Up to this many rows of x, reading the weight once decides the time.
constexpr int64_t fewRows = 8;

// y[m, n] = beta * y + alpha * x[m, k] w[n, k]ᵀ for m <= fewRows, columns of y divided over the threads.
void gemmFewRows(int64_t m, int64_t n, int64_t k, float alpha, const float* x, int64_t strideX, const float* w,
                 int64_t strideW, float beta, float* y, int64_t strideY);

}  // namespace tunelab
