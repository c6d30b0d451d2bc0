// Softmax, loss and the logits' gradient in two passes over a row, one block a row. The gradient overwrites the logits, in
// the type that the products take: half the memory of a second buffer and one write instead of two.
#include "cuda/cross_entropy.h"

#include "cuda/real.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

constexpr int rowThreads = 1024;

template <typename T>
__global__ void __launch_bounds__(rowThreads)
    crossEntropyKernel(float* logits, const int32_t* labels, int64_t vocabulary, float scale, float* losses) {
  float* row = logits + int64_t{blockIdx.x} * vocabulary;
  const int label = labels[blockIdx.x];
  float most = -INFINITY, sum = 0;
  for (int64_t i = threadIdx.x; i < vocabulary; i += rowThreads) {
    const float z = row[i], larger = fmaxf(most, z);
    if (larger > -INFINITY) sum = sum * expf(most - larger) + expf(z - larger);
    most = larger;
  }
  const float largest = blockMax(most);
  sum = blockSum(most > -INFINITY ? sum * expf(most - largest) : 0.0f);
  if (threadIdx.x == 0) losses[blockIdx.x] = largest + logf(sum) - row[label];
  if (scale == 0) return;
  // The label's logit is read above before any thread passes the first barrier below.
  const float factor = scale / sum;
  T* target = reinterpret_cast<T*>(row);
  for (int64_t first = 0; first < vocabulary; first += rowThreads) {
    const int64_t i = first + threadIdx.x;
    const float z = i < vocabulary ? row[i] : 0.0f;
    // Element i of a narrower type lies over logit i / 2, which all threads have read by now.
    __syncthreads();
    if (i < vocabulary) target[i] = fromFloat<T>(factor * expf(z - largest) - (i == label ? scale : 0.0f));
  }
}

__global__ void sumKernel(const float* values, int64_t count, float* result) {
  __shared__ double parts[1024];
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) sum += values[i];
  parts[threadIdx.x] = sum;
  __syncthreads();
  for (int width = 512; width > 0; width /= 2) {
    if (threadIdx.x < width) parts[threadIdx.x] += parts[threadIdx.x + width];
    __syncthreads();
  }
  if (threadIdx.x == 0) *result = static_cast<float>(parts[0]);
}

template <typename T>
__global__ void scatterRowsKernel(const T* source, const int32_t* rows, int64_t width, T* target) {
  const T* from = source + int64_t{blockIdx.x} * width;
  T* to = target + int64_t{rows[blockIdx.x]} * width;
  for (int64_t i = threadIdx.x; i < width; i += blockDim.x) to[i] = from[i];
}

// --- launchers -------------------------------------------------------------------------------------------------

void crossEntropyRows(float* logits, const int32_t* labels, int64_t rows, int64_t vocabulary, float scale, Dtype dtype, float* losses) {
  if (rows == 0) return;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    crossEntropyKernel<T><<<static_cast<unsigned>(rows), rowThreads, 0, stream()>>>(logits, labels, vocabulary, scale, losses);
  });
  cudaCheckLaunch();
}

void sumInto(const float* values, int64_t count, float* result) {
  sumKernel<<<1, 1024, 0, stream()>>>(values, count, result);
  cudaCheckLaunch();
}

void scatterRows(const void* source, const int32_t* rows, int64_t count, int64_t width, void* target, Dtype dtype) {
  if (count == 0) return;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    scatterRowsKernel<<<static_cast<unsigned>(count), 256, 0, stream()>>>(static_cast<const T*>(source), rows, width, static_cast<T*>(target));
  });
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
