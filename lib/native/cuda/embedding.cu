// Rows of the embedding table, one block a token. Ids are checked by the caller, who has them on the host.
#include "cuda/embedding.h"

#include "cuda/real.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

template <typename From, typename To>
__global__ void embeddingKernel(const int32_t* ids, const From* __restrict__ table, int64_t width, To* __restrict__ y) {
  const From* source = table + int64_t{ids[blockIdx.x]} * width;
  To* target = y + int64_t{blockIdx.x} * width;
#pragma unroll 8
  for (int64_t i = threadIdx.x; i < width; i += blockDim.x) target[i] = fromFloat<To>(toFloat(source[i]));
}

// --- launchers -------------------------------------------------------------------------------------------------

void embedding(const int32_t* ids, int64_t rows, const void* table, Dtype tableType, int64_t width, void* y, Dtype dtype) {
  if (rows == 0) return;
  withReal(tableType, [&](auto f) {
    withReal(dtype, [&](auto t) {
      using From = decltype(f);
      using To = decltype(t);
      embeddingKernel<<<static_cast<unsigned>(rows), 256, 0, stream()>>>(ids, static_cast<const From*>(table), width, static_cast<To*>(y));
    });
  });
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
