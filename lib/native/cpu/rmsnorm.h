#pragma once
#include <cstdint>

namespace tunelab {

// y = x * rstd * weight with rstd = 1 / sqrt(mean(x²) + eps), row by row. Rows of y are `strideY` apart; rstd [rows] is
// kept for backward.
void rmsNormForward(const float* x, const float* weight, float eps, int64_t rows, int64_t width, float* y,
                    int64_t strideY, float* rstd);

// dx = residual + rstd * (w dy - x rstd² mean(w dy x)); `residual` may be nullptr, and may be dx itself.
void rmsNormBackward(const float* x, const float* weight, const float* rstd, const float* dy, int64_t strideDy,
                     const float* residual, int64_t rows, int64_t width, float* dx);

}  // namespace tunelab
