#include "cuda/tensor_unary.h"

#include "cuda/tensor_launch.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

// Four elements at a time, and the rest one by one.
template <typename From, typename To, typename F>
__global__ void __launch_bounds__(tensorThreads) mapKernel(const From* x, To* out, int64_t count, F f) {
  const int64_t packs = count / 4;
  for (int64_t i = firstIndex(); i < packs; i += indexStep()) {
    const Pack<From, 4> from = load<From, 4>(x + 4 * i);
    Pack<To, 4> to;
#pragma unroll
    for (int k = 0; k < 4; k++) to.values[k] = f(from.values[k]);
    store(out + 4 * i, to);
  }
  const int64_t rest = 4 * packs + firstIndex();
  if (rest < count) out[rest] = f(x[rest]);
}

template <typename F, typename T>
struct Function {
  math::Computed<T> p, q;
  __device__ T operator()(T x) const { return math::stored<T>(F::of(static_cast<math::Computed<T>>(x), p, q)); }
};

template <typename F, typename T>
struct Predicate {
  __device__ math::Bool operator()(T x) const { return F::of(x); }
};

template <typename From, typename To>
struct Conversion {
  __device__ To operator()(From x) const { return math::cast<To>(x); }
};

// --- launchers -------------------------------------------------------------------------------------------------

template <typename From, typename To, typename F>
static void map(const From* x, To* out, int64_t count, F f) {
  if (count == 0) return;
  mapKernel<<<blocksFor(count / 4), tensorThreads, 0, stream()>>>(x, out, count, f);
  cudaCheckLaunch();
}

template <typename F, typename T>
void unary(const T* x, T* out, int64_t count, double p, double q) {
  using C = math::Computed<T>;
  map(x, out, count, Function<F, T>{static_cast<C>(p), static_cast<C>(q)});
}

template <typename F, typename T>
void predicate(const T* x, math::Bool* out, int64_t count) {
  map(x, out, count, Predicate<F, T>{});
}

template <typename From, typename To>
void castElements(const From* x, To* out, int64_t count) {
  map(x, out, count, Conversion<From, To>{});
}

#define INSTANCE(F) template void unary<math::F, float>(const float*, float*, int64_t, double, double);
TUNELAB_UNARY_OF_FLOATS(INSTANCE)
TUNELAB_UNARY_OF_NUMBERS(INSTANCE)
#undef INSTANCE
#define INSTANCE(F) template void unary<math::F, int32_t>(const int32_t*, int32_t*, int64_t, double, double);
TUNELAB_UNARY_OF_NUMBERS(INSTANCE)
#undef INSTANCE
#define INSTANCE(F) template void predicate<math::F, float>(const float*, math::Bool*, int64_t);
TUNELAB_PREDICATES(INSTANCE)
#undef INSTANCE
template void predicate<math::LogicalNot, math::Bool>(const math::Bool*, math::Bool*, int64_t);
#define INSTANCE(From, To) template void castElements<From, To>(const From*, To*, int64_t);
INSTANCE(float, float)
INSTANCE(float, int32_t)
INSTANCE(float, math::Bool)
INSTANCE(int32_t, float)
INSTANCE(int32_t, int32_t)
INSTANCE(int32_t, math::Bool)
INSTANCE(math::Bool, float)
INSTANCE(math::Bool, int32_t)
INSTANCE(math::Bool, math::Bool)
#undef INSTANCE

}  // namespace tunelab::cuda
