// Float to NF4 and to 8-bit codes, bit for bit as bitsandbytes' CUDA kernels do it. Those are built with fast math, whose
// approximate reciprocal decides elements that lie on a threshold, so this file is built with it too.
#include "cuda/nf4.h"
#include "cuda/real.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

// bitsandbytes' own constants (csrc/kernels.cu); a value above threshold i has a code above i.
__constant__ float nf4Thresholds[15] = {
    -0.8480964004993439f, -0.6106329262256622f, -0.4599952697753906f, -0.33967943489551544f, -0.23460740596055984f,
    -0.13791173323988914f, -0.045525018125772476f, 0.03979014977812767f, 0.1202552504837513f, 0.2035212516784668f,
    0.2920137718319893f, 0.3893125355243683f, 0.5016634166240692f, 0.6427869200706482f, 0.8614784181118011f};

// NaN (a block of zeros) fails every comparison and gets code 0.
__device__ inline int nf4Code(float x) {
  int code = 0;
#pragma unroll
  for (int i = 0; i < 15; i++) code += x > nf4Thresholds[i];
  return code;
}

// One warp a block of values, a pair of values a lane and step.
template <typename T>
__global__ void quantizeNf4Kernel(const T* __restrict__ values, int64_t count, int blockSize, uint8_t* packed, float* absmax) {
  const int64_t block = int64_t{blockIdx.x} * (blockDim.x / 32) + threadIdx.x / 32;
  const int64_t begin = block * blockSize, end = min(begin + blockSize, count);
  if (begin >= count) return;
  const int lane = threadIdx.x % 32;
  float largest = 0;
  for (int64_t i = begin + 2 * lane; i < end; i += 64) {
    largest = fmaxf(largest, fabsf(toFloat(values[i])));
    if (i + 1 < end) largest = fmaxf(largest, fabsf(toFloat(values[i + 1])));
  }
  largest = warpMax(largest);
  if (lane == 0) absmax[block] = largest;
  const float reciprocal = 1.0f / largest;
  for (int64_t i = begin + 2 * lane; i < end; i += 64) {
    const int high = nf4Code(toFloat(values[i]) * reciprocal);
    const int low = nf4Code(i + 1 < end ? toFloat(values[i + 1]) * reciprocal : 0.0f);
    packed[i / 2] = static_cast<uint8_t>(high << 4 | low);
  }
}

// csrc/kernels.cu, dQuantize: binary search, then the nearer neighbour; ties keep the pivot.
__device__ inline int searchCode(const float* code, float x) {
  int pivot = 127, lower = 0, upper = 255;
  float value = code[pivot];
  for (int step = 64; step > 0; step >>= 1) {
    if (x > value) {
      lower = pivot;
      pivot += step;
    } else {
      upper = pivot;
      pivot -= step;
    }
    value = code[pivot];
  }
  if (x > value) return x > (code[upper] + value) * 0.5f ? upper : pivot;
  return x < (code[lower] + value) * 0.5f ? lower : pivot;
}

__global__ void quantizeBlockwiseKernel(const float* __restrict__ values, const float* offset, int64_t count, int blockSize,
                                        const float* __restrict__ code, uint8_t* codes, float* absmax) {
  __shared__ float table[256];
  table[threadIdx.x] = code[threadIdx.x];
  const float shift = offset ? *offset : 0.0f;
  const int64_t begin = int64_t{blockIdx.x} * blockSize, end = min(begin + blockSize, count);
  float largest = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) largest = fmaxf(largest, fabsf(values[i] - shift));
  largest = blockMax(largest);
  if (threadIdx.x == 0) absmax[blockIdx.x] = largest;
  const float reciprocal = 1.0f / largest;
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x)
    codes[i] = static_cast<uint8_t>(searchCode(table, (values[i] - shift) * reciprocal));
}

__global__ void meanKernel(const float* values, int64_t count, float* result) {
  __shared__ double parts[1024];
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) sum += values[i];
  parts[threadIdx.x] = sum;
  __syncthreads();
  for (int width = 512; width > 0; width /= 2) {
    if (threadIdx.x < width) parts[threadIdx.x] += parts[threadIdx.x + width];
    __syncthreads();
  }
  if (threadIdx.x == 0) *result = static_cast<float>(parts[0] / static_cast<double>(count));
}

// --- launchers -------------------------------------------------------------------------------------------------

void quantizeNf4(const void* values, Dtype dtype, int64_t count, int64_t blockSize, uint8_t* packed, float* absmax) {
  if (count == 0) return;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    quantizeNf4Kernel<<<ceilDiv(ceilDiv(count, blockSize), 8), 256, 0, stream()>>>(
        static_cast<const T*>(values), count, static_cast<int>(blockSize), packed, absmax);
  });
  cudaCheckLaunch();
}

void quantizeBlockwise(const float* values, const float* offset, int64_t count, int64_t blockSize, const float* code,
                       uint8_t* codes, float* absmax) {
  if (count == 0) return;
  quantizeBlockwiseKernel<<<ceilDiv(count, blockSize), 256, 0, stream()>>>(values, offset, count, static_cast<int>(blockSize),
                                                                          code, codes, absmax);
  cudaCheckLaunch();
}

void mean(const float* values, int64_t count, float* result) {
  meanKernel<<<1, 1024, 0, stream()>>>(values, count, result);
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
