// Batch-1 decoding is bound by reading the weights, so each is read once, as four bits: a warp takes two rows of the
// weight, a lane sixteen neighbouring codes of each at a time, looked up in shared memory and multiplied in float32. Fused:
// all projections that read one input, the second quantisation of the scales, LoRA and the residual sum.
#include "cuda/gemv.h"
#include "cuda/real.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

// Codes that a lane takes at a time.
constexpr int warps = 8, codes = 16;

// Neighbouring values.
template <int count, typename T>
__device__ inline void loadMany(float (&to)[count], const T* from) {
  constexpr int n = 16 / sizeof(T);
#pragma unroll
  for (int part = 0; part < count; part += n) {
    const Pack<T, n> pack = load<T, n>(from + part);
#pragma unroll
    for (int i = 0; i < n; i++) to[part + i] = pack.get(i);
  }
}

// t[row, r] = x[row] . A[r], one block each; also written behind x, as the backward pass of the large products expects it.
template <typename T>
__global__ void loraDownKernel(GemvGroup group, T* x, int64_t strideX, float* t) {
  const int r = blockIdx.x, row = blockIdx.y;
  const float* a = nullptr;
  for (int m = 0; m < group.count; m++) {
    const GemvMember& member = group.members[m];
    if (member.a && r >= member.rankOffset && r < member.rankOffset + member.rank)
      a = member.a + int64_t{r - member.rankOffset} * group.in;
  }
  float sum = 0;
  for (int i = threadIdx.x * 8; a && i < group.in; i += blockDim.x * 8) {
    float values[8], weights[8];
    loadMany(values, x + row * strideX + i);
    loadMany(weights, a + i);
#pragma unroll
    for (int j = 0; j < 8; j++) sum += values[j] * weights[j];
  }
  sum = blockSum(sum);
  if (threadIdx.x != 0) return;
  x[row * strideX + group.in + r] = fromFloat<T>(sum);
  if (a) t[row * group.rank + r] = sum;
}

__device__ inline float scaleAt(const Nf4Matrix& matrix, const float* nestedCode, int64_t block) {
  if (!matrix.absmaxCodes) return __ldg(matrix.absmax + block);
  return nestedCode[__ldg(matrix.absmaxCodes + block)] * __ldg(matrix.nestedAbsmax + (block >> matrix.nestedShift)) + matrix.offset;
}

// base and y are of type T, or f32 where `wide` says so.
template <typename T, int rows>
__global__ void __launch_bounds__(warps * 32)
    gemvNf4Kernel(GemvGroup group, const T* __restrict__ x, int64_t strideX, const float* t, const void* base, void* y, bool wide) {
  __shared__ float table[16], nestedCode[256];
  // Blocks of one member each; a block takes 2 rows a warp.
  int block = blockIdx.x, column = 0, m = 0;
  constexpr int blockRows = 2 * warps;
  for (; m < group.count - 1; m++) {
    const int blocks = (group.members[m].out + blockRows - 1) / blockRows;
    if (block < blocks) break;
    block -= blocks;
    column += group.members[m].out;
  }
  const GemvMember& member = group.members[m];
  const Nf4Matrix& matrix = member.weight;
  if (threadIdx.x < 16) table[threadIdx.x] = matrix.code[threadIdx.x];
  if (matrix.absmaxCodes) nestedCode[threadIdx.x] = matrix.nestedCode[threadIdx.x];
  __syncthreads();
  const int lane = threadIdx.x % 32, first = block * blockRows + threadIdx.x / 32 * 2;
  if (first >= member.out) return;
  const int last = min(first + 1, member.out - 1);
  const int64_t at[2] = {int64_t{first} * group.in, int64_t{last} * group.in};
  float sum[2][rows] = {};
#pragma unroll 2
  for (int i = lane * codes; i < group.in; i += 32 * codes) {
    uint2 packed[2];
    float scale[2];
#pragma unroll
    for (int w = 0; w < 2; w++) {
      packed[w] = __ldg(reinterpret_cast<const uint2*>(matrix.packed + ((at[w] + i) >> 1)));
      scale[w] = scaleAt(matrix, nestedCode, (at[w] + i) >> matrix.blockShift);
    }
    float values[rows][codes];
#pragma unroll
    for (int r = 0; r < rows; r++) loadMany(values[r], x + r * strideX + i);
#pragma unroll
    for (int w = 0; w < 2; w++) {
      float part[rows] = {};
#pragma unroll
      for (int j = 0; j < codes; j++) {
        const uint32_t word = j < 8 ? packed[w].x : packed[w].y;
        const float weight = table[(word >> (j % 8 / 2 * 8 + (j % 2 ? 0 : 4))) & 15];
#pragma unroll
        for (int r = 0; r < rows; r++) part[r] += weight * values[r][j];
      }
#pragma unroll
      for (int r = 0; r < rows; r++) sum[w][r] += scale[w] * part[r];
    }
  }
#pragma unroll
  for (int w = 0; w < 2; w++) {
    const int o = first + w;
    if (o >= member.out) return;
#pragma unroll
    for (int r = 0; r < rows; r++) {
      float total = sum[w][r];
      if (member.b)
        for (int j = lane; j < member.rank; j += 32)
          total += member.scaling * member.b[int64_t{o} * member.rank + j] * t[r * group.rank + member.rankOffset + j];
      total = warpSum(total);
      const int64_t to = int64_t{r} * group.out + column + o;
      if (lane != 0) continue;
      if (base) total += wide ? static_cast<const float*>(base)[to] : toFloat(static_cast<const T*>(base)[to]);
      if (wide)
        static_cast<float*>(y)[to] = total;
      else
        static_cast<T*>(y)[to] = fromFloat<T>(total);
    }
  }
}

// --- launchers -------------------------------------------------------------------------------------------------

bool gemvFits(const GemvGroup& group, const void* x, int64_t strideX, Dtype dtype, int64_t rows) {
  if (rows < 1 || rows > gemvMaxRows || group.in % codes != 0 || !aligned(x, 16) || strideX * sizeOf(dtype) % 16 != 0) return false;
  for (int m = 0; m < group.count; m++) {
    const GemvMember& member = group.members[m];
    if (!hasShifts(member.weight) || member.weight.blockShift < 4 || !aligned(member.weight.packed, 8) || !aligned(member.a, 16)) return false;
  }
  return true;
}

void gemvNf4(const GemvGroup& group, void* x, int64_t strideX, Dtype dtype, int64_t rows, float* t, const void* base, void* y,
             Dtype outputType) {
  const bool wide = outputType == Dtype::f32;
  if (!wide && outputType != dtype) throw CudaError("The result of this product has the type of its input, or is f32.");
  withReal(dtype, [&](auto real) {
    using T = decltype(real);
    T* from = static_cast<T*>(x);
    if (group.rank)
      loraDownKernel<<<dim3(static_cast<unsigned>(strideX - group.in), static_cast<unsigned>(rows)), warps * 32, 0, stream()>>>(group, from, strideX, t);
    int blocks = 0;
    for (int m = 0; m < group.count; m++) blocks += ceilDiv(group.members[m].out, 2 * warps);
    const auto launch = [&](auto count) {
      gemvNf4Kernel<T, decltype(count)::value><<<blocks, warps * 32, 0, stream()>>>(group, from, strideX, t, base, y, wide);
    };
    if (rows == 1) launch(std::integral_constant<int, 1>{});
    if (rows == 2) launch(std::integral_constant<int, 2>{});
    if (rows == 3) launch(std::integral_constant<int, 3>{});
    if (rows == 4) launch(std::integral_constant<int, 4>{});
  });
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
