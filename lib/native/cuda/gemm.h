// Matrix products, row-major, with float32 accumulation: bf16 x bf16 and f16 x f16 on the tensor cores, f32 x f32 in full
// float32.
#pragma once
#include <cstdint>

#include "cuda/dtype.h"

namespace tunelab::cuda {

enum class Transpose { no, yes };

// A matrix in memory: rows are `stride` elements apart.
struct Matrix {
  const void* data;
  Dtype dtype;
  int64_t stride;
};
struct Output {
  void* data;
  Dtype dtype;
  int64_t stride;
};
// Products of one shape: the matrices of each lie this many elements behind those of the one before; 0 is the same matrix
// for all.
struct Batch {
  int64_t count = 1, strideA = 0, strideB = 0, strideD = 0;
};

// d[m, n] = alpha op(a)[m, k] op(b)[k, n] + beta c[m, n]; c has the type and stride of d, is not read when beta is 0, and
// may be d itself. a and b have one type; d has it too, or is f32.
void gemm(Transpose transposeA, Transpose transposeB, int64_t m, int64_t n, int64_t k, float alpha, const Matrix& a,
          const Matrix& b, float beta, const void* c, const Output& d, const Batch& batch = {});

// The same without cuBLASLt, for shapes that it has no kernel for.
void gemmPlain(Transpose transposeA, Transpose transposeB, int64_t m, int64_t n, int64_t k, float alpha, const Matrix& a,
               const Matrix& b, float beta, const void* c, const Output& d, const Batch& batch = {});

}  // namespace tunelab::cuda
