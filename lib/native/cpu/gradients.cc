// The length of all gradients together, and scaling in place.
#include <algorithm>
#include <cmath>
#include <vector>

#include "arguments.h"
#include "parallel.h"
#include "registrar.h"

namespace tunelab {

// Partial sums cover fixed stretches, so that the norm does not depend on the number of threads.
static constexpr int64_t stretch = 8192;

// gradNorm(gradients: Float32Array[]) -> number
static Napi::Value gradNorm(const Napi::CallbackInfo& info) {
  Napi::Array list = array(info[0], "gradients");
  struct Part {
    const float* data;
    int64_t count;
  };
  std::vector<Part> parts;
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Span<float> gradient = floats(list.Get(i), ("gradients[" + std::to_string(i) + "]").c_str());
    for (int64_t at = 0; at < static_cast<int64_t>(gradient.size); at += stretch)
      parts.push_back({gradient.data + at, std::min(stretch, static_cast<int64_t>(gradient.size) - at)});
  }
  std::vector<double> sums(parts.size());
  parallelRanges(static_cast<int64_t>(parts.size()), 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t p = begin; p < end; p++) {
      const Part& part = parts[static_cast<size_t>(p)];
      double sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < part.count; i++) sum += static_cast<double>(part.data[i]) * static_cast<double>(part.data[i]);
      sums[static_cast<size_t>(p)] = sum;
    }
  });
  double total = 0;
  for (double sum : sums) total += sum;
  return Napi::Number::New(info.Env(), std::sqrt(total));
}

// scale(values, factor)
static Napi::Value scale(const Napi::CallbackInfo& info) {
  const Span<float> values = floats(info[0], "values");
  const float factor = static_cast<float>(number(info[1], "factor"));
  parallelRanges(static_cast<int64_t>(values.size), 1 << 15, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; i++) values.data[i] *= factor;
  });
  return info.Env().Undefined();
}

TUNELAB_OP(cpu, "gradNorm", gradNorm)
TUNELAB_OP(cpu, "scale", scale)

}  // namespace tunelab
