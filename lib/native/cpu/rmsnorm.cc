// RMSNorm (Zhang and Sennrich 2019). Backward adds the residual branch's gradient on the way out, so that the sum costs
// no pass of its own.
#include "cpu/rmsnorm.h"

#include <cmath>

#include "arguments.h"
#include "parallel.h"
#include "registrar.h"

namespace tunelab {

void rmsNormForward(const float* x, const float* weight, float eps, int64_t rows, int64_t width, float* y,
                    int64_t strideY, float* rstd) {
  parallelRanges(rows, 32, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++) {
      const float* source = x + row * width;
      float* target = y + row * strideY;
      float sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < width; i++) sum += source[i] * source[i];
      const float scale = 1.0f / std::sqrt(sum / static_cast<float>(width) + eps);
      if (rstd) rstd[row] = scale;
      for (int64_t i = 0; i < width; i++) target[i] = source[i] * scale * weight[i];
    }
  });
}

void rmsNormBackward(const float* x, const float* weight, const float* rstd, const float* dy, int64_t strideDy,
                     const float* residual, int64_t rows, int64_t width, float* dx) {
  parallelRanges(rows, 32, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++) {
      const float* source = x + row * width;
      const float* given = dy + row * strideDy;
      float* target = dx + row * width;
      float dot = 0;
#pragma omp simd reduction(+ : dot)
      for (int64_t i = 0; i < width; i++) dot += given[i] * weight[i] * source[i];
      const float scale = rstd[row];
      const float pull = scale * scale * scale * dot / static_cast<float>(width);
      if (residual) {
        const float* other = residual + row * width;
        for (int64_t i = 0; i < width; i++) target[i] = other[i] + (scale * weight[i] * given[i] - pull * source[i]);
      } else {
        for (int64_t i = 0; i < width; i++) target[i] = scale * weight[i] * given[i] - pull * source[i];
      }
    }
  });
}

// rmsNormForward(x, weight, eps, y, rstd)
static Napi::Value forwardOp(const Napi::CallbackInfo& info) {
  const Span<float> weight = floats(info[1], "weight"), x = floats(info[0], "x");
  if (weight.size == 0 || x.size % weight.size != 0)
    refuse(info.Env(), "x has " + std::to_string(x.size) + " elements, expected rows of " + std::to_string(weight.size) + ".");
  const size_t rows = x.size / weight.size;
  const float eps = static_cast<float>(number(info[2], "eps"));
  const Span<float> y = floats(info[3], "y", x.size), rstd = floats(info[4], "rstd", rows);
  rmsNormForward(x.data, weight.data, eps, static_cast<int64_t>(rows), static_cast<int64_t>(weight.size), y.data,
                 static_cast<int64_t>(weight.size), rstd.data);
  return info.Env().Undefined();
}

// rmsNormBackward(x, weight, rstd, dy, dx)
static Napi::Value backwardOp(const Napi::CallbackInfo& info) {
  const Span<float> weight = floats(info[1], "weight"), x = floats(info[0], "x");
  if (weight.size == 0 || x.size % weight.size != 0)
    refuse(info.Env(), "x has " + std::to_string(x.size) + " elements, expected rows of " + std::to_string(weight.size) + ".");
  const size_t rows = x.size / weight.size;
  const Span<float> rstd = floats(info[2], "rstd", rows), dy = floats(info[3], "dy", x.size);
  const Span<float> dx = floats(info[4], "dx", x.size);
  rmsNormBackward(x.data, weight.data, rstd.data, dy.data, static_cast<int64_t>(weight.size), nullptr,
                  static_cast<int64_t>(rows), static_cast<int64_t>(weight.size), dx.data);
  return info.Env().Undefined();
}

TUNELAB_OP(cpu, "rmsNormForward", forwardOp)
TUNELAB_OP(cpu, "rmsNormBackward", backwardOp)

}  // namespace tunelab
