#pragma once
#include <cstdint>

#include "cuda/dtype.h"

namespace tunelab::cuda {

// y = x * rstd * weight with rstd = 1 / sqrt(mean(x²) + eps), row by row. Rows of y are `strideY` apart; rstd [rows] is
// kept for backward (nullptr: not).
void rmsNormForward(const void* x, Dtype dtype, const float* weight, float eps, int64_t rows, int64_t width, void* y,
                    int64_t strideY, float* rstd);

// dx = residual + rstd * (w dy - x rstd² mean(w dy x)); `residual` may be nullptr, and may be dx itself.
void rmsNormBackward(const void* x, Dtype dtype, const float* weight, const float* rstd, const void* dy, int64_t strideDy,
                     const void* residual, int64_t rows, int64_t width, void* dx);

}  // namespace tunelab::cuda
