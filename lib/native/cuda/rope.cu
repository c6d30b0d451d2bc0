// Rotary position embedding (Su et al. 2021) in the half-rotation layout of Hugging Face's Llama and Qwen2, fused with the
// biases of q, k and v: one pass over the output of the q/k/v product. Angles are formed in float32 as theirs are.
#include "cuda/rope.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "cuda/memory.h"
#include "cuda/real.cuh"
#include "cuda/staging.h"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

// One block a row; a thread takes one pair of elements of a head at a time.
template <typename T>
__global__ void ropeQkvKernel(T* qkv, QkvShape shape, const float* qBias, const float* kBias, const float* vBias,
                              const int32_t* positions, RopeTable table, float direction) {
  const int64_t row = blockIdx.x;
  const int dim = static_cast<int>(shape.headDim), half = dim / 2;
  const int rotated = static_cast<int>(shape.heads + shape.kvHeads);
  T* x = qkv + row * ((shape.heads + 2 * shape.kvHeads) * shape.headDim);
  const float* cosine = table.cosines + int64_t{positions[row]} * half;
  const float* sine = table.sines + int64_t{positions[row]} * half;
  for (int item = threadIdx.x; item < rotated * half; item += blockDim.x) {
    const int head = item / half, i = item % half;
    T* at = x + head * dim;
    float first = toFloat(at[i]), second = toFloat(at[i + half]);
    const bool isQuery = head < shape.heads;
    const float* bias = isQuery ? qBias : kBias;
    if (bias) {
      const int column = (isQuery ? head : head - static_cast<int>(shape.heads)) * dim + i;
      first += bias[column];
      second += bias[column + half];
    }
    const float turn = direction * sine[i];
    at[i] = fromFloat<T>(first * cosine[i] - second * turn);
    at[i + half] = fromFloat<T>(second * cosine[i] + first * turn);
  }
  if (!vBias) return;
  const int values = static_cast<int>(shape.kvHeads) * dim;
  T* v = x + rotated * dim;
  for (int i = threadIdx.x; i < values; i += blockDim.x) v[i] = fromFloat<T>(toFloat(v[i]) + vBias[i]);
}

// --- launchers -------------------------------------------------------------------------------------------------

namespace {
struct Angles {
  int64_t positions = 0;
  Block cosines, sines;
};
}  // namespace

RopeTable ropeTable(double theta, int64_t headDim, int64_t positions) {
  static auto* tables = new std::map<std::pair<double, int64_t>, Angles>();
  Angles& angles = (*tables)[{theta, headDim}];
  if (positions > angles.positions) {
    const int64_t half = headDim / 2, need = std::max({positions, 2 * angles.positions, int64_t{2048}});
    std::vector<float> cosines(static_cast<size_t>(need * half)), sines(cosines.size());
    for (int64_t i = 0; i < half; i++) {
      const float exponent = static_cast<float>(2 * i) / static_cast<float>(headDim);
      const float frequency = 1.0f / static_cast<float>(std::pow(theta, static_cast<double>(exponent)));
      for (int64_t position = 0; position < need; position++) {
        const double angle = static_cast<double>(static_cast<float>(position) * frequency);
        cosines[static_cast<size_t>(position * half + i)] = static_cast<float>(std::cos(angle));
        sines[static_cast<size_t>(position * half + i)] = static_cast<float>(std::sin(angle));
      }
    }
    angles.cosines = uploadArray(cosines.data(), cosines.size());
    angles.sines = uploadArray(sines.data(), sines.size());
    angles.positions = need;
  }
  return {angles.cosines.as<float>(), angles.sines.as<float>()};
}

void ropeQkv(void* qkv, Dtype dtype, const QkvShape& shape, const float* qBias, const float* kBias, const float* vBias,
             const int32_t* positions, int64_t rows, const RopeTable& table, float direction) {
  if (rows == 0) return;
  withReal(dtype, [&](auto t) {
    using T = decltype(t);
    ropeQkvKernel<<<static_cast<unsigned>(rows), 256, 0, stream()>>>(static_cast<T*>(qkv), shape, qBias, kBias, vBias, positions,
                                                                    table, direction);
  });
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
