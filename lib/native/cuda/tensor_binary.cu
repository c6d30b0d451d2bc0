#include "cuda/tensor_binary.h"

#include "cuda/tensor_launch.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

template <typename T>
__device__ inline Pack<T, 4> loadOrRepeat(const T* at, int64_t i, bool repeated) {
  if (!repeated) return load<T, 4>(at + 4 * i);
  const T value = *at;
  return {{value, value, value, value}};
}

// Operands that are dense, or one element for all.
template <typename F, typename T, typename Out>
__global__ void __launch_bounds__(tensorThreads)
    denseKernel(const T* a, bool repeatA, const T* b, bool repeatB, Out* out, int64_t count) {
  const int64_t packs = count / 4;
  for (int64_t i = firstIndex(); i < packs; i += indexStep()) {
    const Pack<T, 4> left = loadOrRepeat(a, i, repeatA), right = loadOrRepeat(b, i, repeatB);
    Pack<Out, 4> to;
#pragma unroll
    for (int k = 0; k < 4; k++) to.values[k] = math::combined<F>(left.values[k], right.values[k]);
    store(out + 4 * i, to);
  }
  const int64_t rest = 4 * packs + firstIndex();
  if (rest < count) out[rest] = math::combined<F>(a[repeatA ? 0 : rest], b[repeatB ? 0 : rest]);
}

template <typename F, typename Index, typename T, typename Out>
__global__ void __launch_bounds__(tensorThreads)
    walkKernel(const __grid_constant__ Walk<2> walk, const T* a, const T* b, Out* out, int64_t count) {
  for (int64_t i = firstIndex(); i < count; i += indexStep()) {
    int64_t at[2];
    walk.locate(static_cast<Index>(i), at);
    out[i] = math::combined<F>(a[at[0]], b[at[1]]);
  }
}

template <typename T>
__global__ void __launch_bounds__(tensorThreads)
    selectKernel(const math::Bool* condition, const T* a, const T* b, T* out, int64_t count) {
  for (int64_t i = firstIndex(); i < count; i += indexStep()) out[i] = condition[i] ? a[i] : b[i];
}

// --- launchers -------------------------------------------------------------------------------------------------

template <typename F, typename T>
void binary(const Walk<2>& walk, const T* a, const T* b, typename F::template Out<T>* out) {
  using Out = typename F::template Out<T>;
  const int64_t count = walk.grid.size();
  const int64_t stepA = walk.operands[0].step[0], stepB = walk.operands[1].step[0];
  const auto plain = [](int64_t step) { return step == 0 || step == 1; };
  if (walk.grid.rank == 1 && plain(stepA) && plain(stepB)) {
    denseKernel<F, T, Out><<<blocksFor(count / 4), tensorThreads, 0, stream()>>>(a, stepA == 0, b, stepB == 0, out, count);
  } else {
    withIndex(count, [&](auto index) {
      using Index = decltype(index);
      walkKernel<F, Index, T, Out><<<blocksFor(count), tensorThreads, 0, stream()>>>(walk, a, b, out, count);
    });
  }
  cudaCheckLaunch();
}

template <typename T>
void select(const math::Bool* condition, const T* a, const T* b, T* out, int64_t count) {
  if (count == 0) return;
  selectKernel<<<blocksFor(count), tensorThreads, 0, stream()>>>(condition, a, b, out, count);
  cudaCheckLaunch();
}

#define INSTANCE_OF(F, T) template void binary<math::F, T>(const Walk<2>&, const T*, const T*, math::F::Out<T>*);
#define INSTANCE(F) INSTANCE_OF(F, float)
TUNELAB_BINARY_OF_FLOATS(INSTANCE)
TUNELAB_BINARY_OF_NUMBERS(INSTANCE)
TUNELAB_COMPARISONS(INSTANCE)
#undef INSTANCE
#define INSTANCE(F) INSTANCE_OF(F, int32_t)
TUNELAB_BINARY_OF_NUMBERS(INSTANCE)
TUNELAB_COMPARISONS(INSTANCE)
#undef INSTANCE
#define INSTANCE(F) INSTANCE_OF(F, math::Bool)
TUNELAB_COMPARISONS(INSTANCE)
TUNELAB_LOGIC(INSTANCE)
#undef INSTANCE
#undef INSTANCE_OF
template void select(const math::Bool*, const uint8_t*, const uint8_t*, uint8_t*, int64_t);
template void select(const math::Bool*, const uint32_t*, const uint32_t*, uint32_t*, int64_t);

}  // namespace tunelab::cuda
