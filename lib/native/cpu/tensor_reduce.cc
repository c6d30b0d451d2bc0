// Reductions over the middle axis of [outer, reduced, inner], and softmax over the last one.
#include <algorithm>
#include <cmath>
#include <limits>

#include "arguments.h"
#include "cpu/vector_math.h"
#include "parallel.h"
#include "registrar.h"

namespace tunelab {

namespace {

constexpr int64_t grain = 16384;

struct Sum {
  static constexpr float start = 0;
  static float join(float sum, float x) { return sum + x; }
  static float line(const float* x, int64_t count) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; i++) sum += x[i];
    return sum;
  }
  static float finish(float sum, int64_t) { return sum; }
};

struct Mean : Sum {
  static float finish(float sum, int64_t count) { return sum / static_cast<float>(count); }
};

struct Prod {
  static constexpr float start = 1;
  static float join(float product, float x) { return product * x; }
  static float line(const float* x, int64_t count) {
    float product = 1;
    for (int64_t i = 0; i < count; i++) product *= x[i];
    return product;
  }
  static float finish(float product, int64_t) { return product; }
};

// Once a NaN is met it stays, because no comparison with it holds.
struct Max {
  static constexpr float start = -std::numeric_limits<float>::infinity();
  static float join(float best, float x) { return x > best || x != x ? x : best; }
  static float line(const float* x, int64_t count) {
    float best = start;
    for (int64_t i = 0; i < count; i++) best = join(best, x[i]);
    return best;
  }
  static float finish(float best, int64_t) { return best; }
};

struct Min {
  static constexpr float start = std::numeric_limits<float>::infinity();
  static float join(float best, float x) { return x < best || x != x ? x : best; }
  static float line(const float* x, int64_t count) {
    float best = start;
    for (int64_t i = 0; i < count; i++) best = join(best, x[i]);
    return best;
  }
  static float finish(float best, int64_t) { return best; }
};

// (x, outer, reduced, inner, out)
template <typename F>
Napi::Value reduce(const Napi::CallbackInfo& info) {
  const int64_t outer = integer(info[1], "outer", 1), reduced = integer(info[2], "reduced", 1);
  const int64_t inner = integer(info[3], "inner", 1);
  const Span<float> x = floats(info[0], "x", outer * reduced * inner), out = floats(info[4], "out", outer * inner);
  if (inner == 1) {
    parallelRanges(outer, std::max<int64_t>(1, grain / reduced), [&](int64_t begin, int64_t end, int) {
      for (int64_t o = begin; o < end; o++) out[o] = F::finish(F::line(x.data + o * reduced, reduced), reduced);
    });
    return info.Env().Undefined();
  }
  // Columns are divided over threads, rows are walked in order: the sum does not depend on the number of threads.
  parallelRanges(inner, std::max<int64_t>(16, grain / (outer * reduced)), [&](int64_t begin, int64_t end, int) {
    for (int64_t o = 0; o < outer; o++) {
      float* target = out.data + o * inner;
      std::fill(target + begin, target + end, F::start);
      for (int64_t r = 0; r < reduced; r++) {
        const float* row = x.data + (o * reduced + r) * inner;
        for (int64_t i = begin; i < end; i++) target[i] = F::join(target[i], row[i]);
      }
      for (int64_t i = begin; i < end; i++) target[i] = F::finish(target[i], reduced);
    }
  });
  return info.Env().Undefined();
}

// (x, rows, columns, out)
Napi::Value softmax(const Napi::CallbackInfo& info) {
  const int64_t rows = integer(info[1], "rows", 1), columns = integer(info[2], "columns", 1);
  const Span<float> x = floats(info[0], "x", rows * columns), out = floats(info[3], "out", rows * columns);
  parallelRanges(rows, std::max<int64_t>(1, grain / columns), [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; r++) {
      const float* row = x.data + r * columns;
      float* target = out.data + r * columns;
      const float largest = Max::line(row, columns);
      for (int64_t i = 0; i < columns; i++) target[i] = fastExp(row[i] - largest);
      const float scale = 1.0f / Sum::line(target, columns);
      for (int64_t i = 0; i < columns; i++) target[i] *= scale;
    }
  });
  return info.Env().Undefined();
}

}  // namespace

TUNELAB_OP(tensor, "Sum", reduce<Sum>)
TUNELAB_OP(tensor, "Mean", reduce<Mean>)
TUNELAB_OP(tensor, "Prod", reduce<Prod>)
TUNELAB_OP(tensor, "Max", reduce<Max>)
TUNELAB_OP(tensor, "Min", reduce<Min>)
TUNELAB_OP(tensor, "Softmax", softmax)

}  // namespace tunelab
