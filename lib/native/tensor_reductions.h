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

// An order of elements: whether `a` goes before `b`, and the values that come last and first of all.
template <typename T>
struct Descending {
  TUNELAB_BOTH static bool before(T a, T b) { return a > b; }
  TUNELAB_BOTH static T last() {
    if constexpr (std::is_same<T, float>::value)
      return -INFINITY;
    else
      return INT32_MIN;
  }
  TUNELAB_BOTH static T first() {
    if constexpr (std::is_same<T, float>::value)
      return INFINITY;
    else
      return INT32_MAX;
  }
};

template <typename T>
struct Ascending {
  TUNELAB_BOTH static bool before(T a, T b) { return a < b; }
  TUNELAB_BOTH static T last() { return Descending<T>::first(); }
  TUNELAB_BOTH static T first() { return Descending<T>::last(); }
};

// Once a NaN is met it stays, because no comparison with it holds.
template <typename T, template <typename> class Order>
struct FirstOf {
  using In = T;
  using Out = T;
  using Partial = T;
  TUNELAB_BOTH static T start() { return Order<T>::last(); }
  TUNELAB_BOTH static T one(T x, int64_t) { return x; }
  TUNELAB_BOTH static T join(T a, T b) { return Order<T>::before(b, a) || b != b ? b : a; }
  TUNELAB_BOTH static T finish(T best, int64_t) { return best; }
};
template <typename T>
using MaxOf = FirstOf<T, Descending>;
template <typename T>
using MinOf = FirstOf<T, Ascending>;

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

// Where the first in order is; of equals, the one in front. tfjs starts from the first element and goes over to better ones:
// a NaN in front stays, others are passed over.
template <typename T, template <typename> class Order>
struct PlaceOf {
  using In = T;
  using Out = int32_t;
  using Partial = Place<T>;
  TUNELAB_BOTH static Partial start() { return {Order<T>::last(), INT32_MAX}; }
  TUNELAB_BOTH static Partial one(T x, int64_t index) {
    if (x == x) return {x, static_cast<int32_t>(index)};
    return index == 0 ? Partial{Order<T>::first(), 0} : start();
  }
  TUNELAB_BOTH static Partial join(Partial a, Partial b) {
    return Order<T>::before(b.value, a.value) || (b.value == a.value && b.index < a.index) ? b : a;
  }
  TUNELAB_BOTH static int32_t finish(Partial best, int64_t) { return best.index; }
};
template <typename T>
using ArgMaxOf = PlaceOf<T, Descending>;
template <typename T>
using ArgMinOf = PlaceOf<T, Ascending>;

}  // namespace tunelab::math
