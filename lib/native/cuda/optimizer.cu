// AdamW with float32 states in torch's order of operations, the gradients' norm, and scaling: each over all tensors in one
// launch. The norm is summed in float64 and a fixed order.
#include "cuda/optimizer.h"

#include "cuda/real.cuh"
#include "cuda/tensor_list.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

__global__ void adamw32Kernel(const AdamTensor* tensors, int count, TorchStep step) {
  const AdamTensor tensor = tensorOfBlock(tensors, count, blockIdx.x);
  const int64_t begin = (blockIdx.x - tensor.firstBlock) * adam32Block, end = min(begin + adam32Block, tensor.count);
  const float gradScale = step.clip ? step.gradScale * *step.clip : step.gradScale;
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) {
    const float g = __fmul_rn(tensor.gradient[i], gradScale);
    // torch interpolates the mean: m + (1 - beta1) (g - m).
    const float m = __fmaf_rn(__fsub_rn(g, tensor.m[i]), step.share1, tensor.m[i]);
    const float v = __fmaf_rn(__fmul_rn(g, step.share2), g, __fmul_rn(tensor.v[i], step.beta2));
    const float denominator = __fadd_rn(__fdiv_rn(__fsqrt_rn(v), step.correction), step.epsilon);
    tensor.values[i] = __fadd_rn(__fmul_rn(tensor.values[i], step.kept), __fdiv_rn(__fmul_rn(step.size, m), denominator));
    tensor.m[i] = m;
    tensor.v[i] = v;
  }
}

__device__ inline double blockSumDouble(double x) {
  __shared__ double parts[256];
  parts[threadIdx.x] = x;
  __syncthreads();
  for (int width = 128; width > 0; width /= 2) {
    if (threadIdx.x < width) parts[threadIdx.x] += parts[threadIdx.x + width];
    __syncthreads();
  }
  return parts[0];
}

__global__ void normPartsKernel(const NormTensor* tensors, int count, double* partial) {
  const NormTensor tensor = tensorOfBlock(tensors, count, blockIdx.x);
  const int64_t begin = (blockIdx.x - tensor.firstBlock) * normBlock, end = min(begin + normBlock, tensor.count);
  double sum = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) {
    const double x = tensor.values[i];
    sum += x * x;
  }
  sum = blockSumDouble(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

__global__ void normKernel(const double* partial, int64_t blocks, float maxNorm, float* result) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < blocks; i += blockDim.x) sum += partial[i];
  sum = blockSumDouble(sum);
  if (threadIdx.x != 0) return;
  const float norm = static_cast<float>(sqrt(sum));
  result[0] = norm;
  result[1] = fminf(1.0f, maxNorm / (norm + 1e-6f));
}

__global__ void scaleKernel(float* values, float factor, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < count) values[i] *= factor;
}

// --- launchers -------------------------------------------------------------------------------------------------

void adamw32(const AdamTensor* tensors, int count, int64_t blocks, const TorchStep& step) {
  if (blocks == 0) return;
  adamw32Kernel<<<static_cast<unsigned>(blocks), 256, 0, stream()>>>(tensors, count, step);
  cudaCheckLaunch();
}

void gradNorm(const NormTensor* tensors, int count, int64_t blocks, double* partial, float maxNorm, float* result) {
  if (blocks) normPartsKernel<<<static_cast<unsigned>(blocks), 256, 0, stream()>>>(tensors, count, partial);
  cudaCheckLaunch();
  normKernel<<<1, 256, 0, stream()>>>(partial, blocks, maxNorm, result);
  cudaCheckLaunch();
}

void scaleInPlace(float* values, float factor, int64_t count) {
  if (count == 0) return;
  scaleKernel<<<ceilDiv(count, 256), 256, 0, stream()>>>(values, factor, count);
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
