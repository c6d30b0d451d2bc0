// AdamW with 8-bit states (Dettmers et al. 2021), bit for bit as bitsandbytes' CUDA kernels do it: codes to float, moments,
// update, new scales and new codes, a block of 256 values at a time, all tensors in one launch. Tensors too small for
// 8 bits keep float32 states. bitsandbytes is built with fast math, so this file is built with it too, and expressions
// keep the order of operations that its kernels have.
#include "cuda/optimizer.h"
#include "cuda/real.cuh"
#include "cuda/tensor_list.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

// Codes that stand for "no value" in the incomplete last block.
constexpr uint8_t restCode1 = 128, restCode2 = 0;

// Binary search in the map, then the nearer neighbour; the ends of the search are -1 (0 without sign) and 1.
template <bool isSigned>
__device__ inline uint8_t searchState(const float* code, float x) {
  int pivot = 127, upperPivot = 255, lowerPivot = 0;
  float lower = isSigned ? -1.0f : 0.0f, upper = 1.0f, value = code[pivot];
  for (int step = 64; step > 0; step >>= 1) {
    if (x > value) {
      lowerPivot = pivot;
      lower = value;
      pivot += step;
    } else {
      upperPivot = pivot;
      upper = value;
      pivot -= step;
    }
    value = code[pivot];
  }
  if (x > value) return static_cast<uint8_t>(x > (upper + value) * 0.5f ? upperPivot : pivot);
  return static_cast<uint8_t>(x < (lower + value) * 0.5f ? lowerPivot : pivot);
}

__device__ inline bool isFinite(float x) { return (__float_as_uint(x) & 0x7f800000u) != 0x7f800000u; }

__global__ void __launch_bounds__(adam8Block)
    adamw8bitKernel(const AdamTensor* tensors, int count, const float* signedMap, const float* unsignedMap, AdamStep step) {
  __shared__ float map1[256], map2[256];
  map1[threadIdx.x] = signedMap[threadIdx.x];
  map2[threadIdx.x] = unsignedMap[threadIdx.x];
  const AdamTensor tensor = tensorOfBlock(tensors, count, blockIdx.x);
  const int64_t block = blockIdx.x - tensor.firstBlock, i = block * adam8Block + threadIdx.x;
  const bool present = i < tensor.count;
  const float gradScale = step.clip ? step.gradScale * *step.clip : step.gradScale;
  const float gradient = present ? tensor.gradient[i] : 0.0f;
  __syncthreads();

  if (tensor.m) {
    if (!present) return;
    const float correction1 = 1.0f - powf(step.beta1, step.step);
    const float correction2 = sqrtf(1.0f - powf(step.beta2, step.step));
    const float size = -step.learningRate * correction2 / correction1;
    const float g = gradScale * gradient;
    const float m = tensor.m[i] * step.beta1 + ((1.0f - step.beta1) * g);
    const float v = tensor.v[i] * step.beta2 + ((1.0f - step.beta2) * (g * g));
    float p = tensor.values[i] + (size * (m / (sqrtf(v) + (step.epsilon * correction2))));
    if (step.weightDecay > 0.0f) p = p * (1.0f - (step.learningRate * step.weightDecay));
    tensor.m[i] = m;
    tensor.v[i] = v;
    tensor.values[i] = p;
    return;
  }

  const float correction1 = 1.0f - __powf(step.beta1, step.step);
  const float correction2 = sqrtf(1.0f - __powf(step.beta2, step.step));
  const float size = __fdividef(-step.learningRate * correction2, correction1);
  const uint8_t old1 = present ? tensor.code1[i] : restCode1, old2 = present ? tensor.code2[i] : restCode2;
  float m = 0.0f, v = 0.0f;
  // A gradient that is not finite leaves its value alone and forgets its moments.
  if (isFinite(gradient)) {
    v = map2[old2] * tensor.absmax2[block];
    float g = gradient;
    g *= gradScale;
    v = (v * step.beta2) + (((1.0f - step.beta2) * g * g));
    m = map1[old1] * tensor.absmax1[block];
    m = (m * step.beta1) + (((1.0f - step.beta1) * g));
  }
  const float largest1 = blockMax(fabsf(m)), largest2 = blockMax(fabsf(v));
  __syncthreads();
  if (threadIdx.x == 0) {
    tensor.absmax1[block] = largest1;
    tensor.absmax2[block] = largest2;
  }
  if (!present) return;
  if (isFinite(gradient)) {
    float p = tensor.values[i] + ((size * (__fdividef(m, (sqrtf(v) + (correction2 * step.epsilon))))));
    if (step.weightDecay > 0.0f) p = p * (1.0f - (step.learningRate * step.weightDecay));
    tensor.values[i] = p;
  }
  uint8_t new1 = searchState<true>(map1, __fdividef(m, largest1));
  // The mean keeps its sign.
  if (signbit(map1[new1]) != signbit(m)) new1 += m > 0.0f ? 1 : -1;
  tensor.code1[i] = new1;
  tensor.code2[i] = searchState<false>(map2, __fdividef(v, largest2));
}

// --- launchers -------------------------------------------------------------------------------------------------

void adamw8bit(const AdamTensor* tensors, int count, int64_t blocks, const float* signedMap, const float* unsignedMap, const AdamStep& step) {
  if (blocks == 0) return;
  adamw8bitKernel<<<static_cast<unsigned>(blocks), adam8Block, 0, stream()>>>(tensors, count, signedMap, unsignedMap, step);
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
