// Reductions as partial results that are joined: one definition for the CPU and the GPU. Sums are in double precision, as
// in JavaScript, so that the order in which parts are joined hardly shows.
#pragma once
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "tensor_math.h"

namespace tunelab::math {

// Each has In and Out, the types of elements; Partial, what is known of some elements; start(), of none; one(x, index), of
// the one at `index` along the reduced axis; join; and finish(partial, count).

template <typename T>
struct SumOf {
  using In = T;
  using Out = T;
  using Partial = std::conditional_t<std::is_same<T, float>::value, double, int64_t>;
  TUNELAB_BOTH static Partial start() { return 0; }
  TUNELAB_BOTH static Partial one(T x, int64_t) { return x; }
  TUNELAB_BOTH static Partial join(Partial a, Partial b) { return a + b; }
  // Integers wrap around, as in an Int32Array.
  TUNELAB_BOTH static T finish(Partial sum, int64_t) { return static_cast<T>(sum); }
};

template <typename T>
struct MeanOf : SumOf<T> {
  TUNELAB_BOTH static T finish(double sum, int64_t count) { return static_cast<T>(sum / static_cast<double>(count)); }
};

template <typename T>
struct ProdOf {
  using In = T;
  using Out = T;
  using Partial = double;
  TUNELAB_BOTH static Partial start() { return 1; }
  TUNELAB_BOTH static Partial one(T x, int64_t) { return x; }
  TUNELAB_BOTH static Partial join(Partial a, Partial b) { return a * b; }
  TUNELAB_BOTH static T finish(Partial product, int64_t) { return stored<T>(product); }
};

// The value of an element that is never the largest, never the smallest.
template <typename T>
TUNELAB_BOTH T least() {
  if constexpr (std::is_same<T, float>::value)
    return -INFINITY;
  else
    return INT32_MIN;
}
template <typename T>
TUNELAB_BOTH T most() {
  if constexpr (std::is_same<T, float>::value)
    return INFINITY;
  else
    return INT32_MAX;
}

// Once a NaN is met it stays, because no comparison with it holds.
template <typename T>
struct MaxOf {
  using In = T;
  using Out = T;
  using Partial = T;
  TUNELAB_BOTH static T start() { return least<T>(); }
  TUNELAB_BOTH static T one(T x, int64_t) { return x; }
  TUNELAB_BOTH static T join(T a, T b) { return b > a || b != b ? b : a; }
  TUNELAB_BOTH static T finish(T best, int64_t) { return best; }
};

template <typename T>
struct MinOf {
  using In = T;
  using Out = T;
  using Partial = T;
  TUNELAB_BOTH static T start() { return most<T>(); }
  TUNELAB_BOTH static T one(T x, int64_t) { return x; }
  TUNELAB_BOTH static T join(T a, T b) { return b < a || b != b ? b : a; }
  TUNELAB_BOTH static T finish(T best, int64_t) { return best; }
};

template <typename T>
struct AllOf {
  using In = T;
  using Out = T;
  using Partial = T;
  TUNELAB_BOTH static T start() { return 1; }
  TUNELAB_BOTH static T one(T x, int64_t) { return x != 0; }
  TUNELAB_BOTH static T join(T a, T b) { return a & b; }
  TUNELAB_BOTH static T finish(T all, int64_t) { return all; }
};

template <typename T>
struct AnyOf {
  using In = T;
  using Out = T;
  using Partial = T;
  TUNELAB_BOTH static T start() { return 0; }
  TUNELAB_BOTH static T one(T x, int64_t) { return x != 0; }
  TUNELAB_BOTH static T join(T a, T b) { return a | b; }
  TUNELAB_BOTH static T finish(T any, int64_t) { return any; }
};

template <typename T>
struct Place {
  T value;
  int32_t index;
};

// The first of the largest. tfjs starts from the first element and goes over to larger ones: a NaN in front stays, others
// are passed over.
template <typename T>
struct ArgMaxOf {
  using In = T;
  using Out = int32_t;
  using Partial = Place<T>;
  TUNELAB_BOTH static Partial start() { return {least<T>(), INT32_MAX}; }
  TUNELAB_BOTH static Partial one(T x, int64_t index) {
    if (x == x) return {x, static_cast<int32_t>(index)};
    return index == 0 ? Partial{most<T>(), 0} : start();
  }
  TUNELAB_BOTH static Partial join(Partial a, Partial b) {
    return b.value > a.value || (b.value == a.value && b.index < a.index) ? b : a;
  }
  TUNELAB_BOTH static int32_t finish(Partial best, int64_t) { return best.index; }
};

template <typename T>
struct ArgMinOf {
  using In = T;
  using Out = int32_t;
  using Partial = Place<T>;
  TUNELAB_BOTH static Partial start() { return {most<T>(), INT32_MAX}; }
  TUNELAB_BOTH static Partial one(T x, int64_t index) {
    if (x == x) return {x, static_cast<int32_t>(index)};
    return index == 0 ? Partial{least<T>(), 0} : start();
  }
  TUNELAB_BOTH static Partial join(Partial a, Partial b) {
    return b.value < a.value || (b.value == a.value && b.index < a.index) ? b : a;
  }
  TUNELAB_BOTH static int32_t finish(Partial best, int64_t) { return best.index; }
};

}  // namespace tunelab::math
