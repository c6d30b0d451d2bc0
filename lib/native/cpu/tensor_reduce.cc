// Reductions over the middle axis of [outer, reduced, inner], running sums and products along it, and softmax over rows.
#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/tensor_rows.h"
#include "cpu/vector_math.h"
#include "parallel.h"
#include "registrar.h"
#include "tensor_arguments.h"
#include "tensor_reductions.h"

namespace tunelab {

namespace {

// --- In float32, in loops that the compiler vectorises ---------------------------------------------------------------

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

template <typename F>
void reduceFloats(const float* x, const Lines& lines, float* out) {
  const int64_t outer = lines.outer, reduced = lines.length, inner = lines.inner;
  if (inner == 1) {
    parallelRanges(outer, std::max<int64_t>(1, tensorGrain / reduced), [&](int64_t begin, int64_t end, int) {
      for (int64_t o = begin; o < end; o++) out[o] = F::finish(F::line(x + o * reduced, reduced), reduced);
    });
    return;
  }
  // Columns are divided over threads, rows are walked in order: the sum does not depend on the number of threads.
  parallelRanges(inner, std::max<int64_t>(16, tensorGrain / (outer * reduced)), [&](int64_t begin, int64_t end, int) {
    for (int64_t o = 0; o < outer; o++) {
      float* target = out + o * inner;
      std::fill(target + begin, target + end, F::start);
      for (int64_t r = 0; r < reduced; r++) {
        const float* row = x + (o * reduced + r) * inner;
        for (int64_t i = begin; i < end; i++) target[i] = F::join(target[i], row[i]);
      }
      for (int64_t i = begin; i < end; i++) target[i] = F::finish(target[i], reduced);
    }
  });
}

// --- Of any type, as the GPU computes them ---------------------------------------------------------------------------

// Calls body(line) for all lines.
template <typename F>
void eachLine(const Lines& lines, F body) {
  parallelRanges(lines.count(), std::max<int64_t>(1, tensorGrain / lines.length), [&](int64_t begin, int64_t end, int) {
    for (int64_t line = begin; line < end; line++) body(line);
  });
}

template <typename R>
void reduceAny(const typename R::In* x, const Lines& lines, typename R::Out* out) {
  eachLine(lines, [&](int64_t line) {
    const typename R::In* from = x + lines.start(line);
    typename R::Partial partial = R::start();
    for (int64_t i = 0; i < lines.length; i++) partial = R::join(partial, R::one(from[i * lines.inner], i));
    out[line] = R::finish(partial, lines.length);
  });
}

// (x, outer, length, inner, out)
template <template <typename> class R, typename... Ts>
Napi::Value reduce(const Napi::CallbackInfo& info) {
  const Lines lines = linesOf(info, 1);
  withElements<Ts...>(info[0], "x", [&](auto sample) {
    using Reduction = R<decltype(sample)>;
    const auto x = elements<typename Reduction::In>(info[0], "x", lines.size());
    const auto out = elements<typename Reduction::Out>(info[4], "out", lines.count());
    reduceAny<Reduction>(x.data, lines, out.data);
  });
  return info.Env().Undefined();
}

// The same with a loop of its own for float32.
template <typename F, template <typename> class R>
Napi::Value reduceNumbers(const Napi::CallbackInfo& info) {
  const Lines lines = linesOf(info, 1);
  const bool integers = info[0].IsTypedArray() && info[0].As<Napi::TypedArray>().TypedArrayType() == napi_int32_array;
  if (integers) return reduce<R, int32_t>(info);
  const Span<float> x = floats(info[0], "x", lines.size()), out = floats(info[4], "out", lines.count());
  reduceFloats<F>(x.data, lines, out.data);
  return info.Env().Undefined();
}

Napi::Value mean(const Napi::CallbackInfo& info) {
  const Lines lines = linesOf(info, 1);
  const Span<float> x = floats(info[0], "x", lines.size()), out = floats(info[4], "out", lines.count());
  reduceFloats<Mean>(x.data, lines, out.data);
  return info.Env().Undefined();
}

// (x, outer, length, inner, exclusive, reverse, out): what R makes of each element and those before it.
template <template <typename> class R>
Napi::Value scan(const Napi::CallbackInfo& info) {
  const Lines lines = linesOf(info, 1);
  const bool exclusive = boolean(info[4], "exclusive"), reverse = boolean(info[5], "reverse");
  withElements<float, int32_t>(info[0], "x", [&](auto sample) {
    using T = decltype(sample);
    const Span<T> x = elements<T>(info[0], "x", lines.size()), out = elements<T>(info[6], "out", lines.size());
    eachLine(lines, [&](int64_t line) {
      const int64_t start = lines.start(line);
      typename R<T>::Partial partial = R<T>::start();
      for (int64_t i = 0; i < lines.length; i++) {
        const int64_t at = start + (reverse ? lines.length - 1 - i : i) * lines.inner;
        const typename R<T>::Partial next = R<T>::join(partial, R<T>::one(x[at], i));
        out[at] = R<T>::finish(exclusive ? partial : next, i);
        partial = next;
      }
    });
  });
  return info.Env().Undefined();
}

// (x, rows, columns, out)
Napi::Value softmax(const Napi::CallbackInfo& info) {
  const int64_t rows = integer(info[1], "rows", 1, mostElements), columns = integer(info[2], "columns", 1);
  const Span<float> x = floats(info[0], "x", rows * columns), out = floats(info[3], "out", rows * columns);
  parallelRanges(rows, std::max<int64_t>(1, tensorGrain / columns), [&](int64_t begin, int64_t end, int) {
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

TUNELAB_OP(tensor, "Sum", reduceNumbers<Sum, math::SumOf>)
TUNELAB_OP(tensor, "Mean", mean)
TUNELAB_OP(tensor, "Prod", reduceNumbers<Prod, math::ProdOf>)
TUNELAB_OP(tensor, "Max", reduceNumbers<Max, math::MaxOf>)
TUNELAB_OP(tensor, "Min", reduceNumbers<Min, math::MinOf>)
TUNELAB_OP(tensor, "ArgMax", reduce<math::ArgMaxOf, float, int32_t>)
TUNELAB_OP(tensor, "ArgMin", reduce<math::ArgMinOf, float, int32_t>)
TUNELAB_OP(tensor, "All", reduce<math::AllOf, math::Bool>)
TUNELAB_OP(tensor, "Any", reduce<math::AnyOf, math::Bool>)
TUNELAB_OP(tensor, "Cumsum", scan<math::SumOf>)
TUNELAB_OP(tensor, "Cumprod", scan<math::ProdOf>)
TUNELAB_OP(tensor, "Softmax", softmax)

}  // namespace tunelab
