// Rotary position embedding (Su et al. 2021) in the half-rotation layout of Hugging Face's Llama and Qwen2. Angles are
// formed in float32 like theirs, so that long positions agree. The bias of q and k is added in the same pass.
#include "cpu/rope.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "parallel.h"

namespace tunelab {

struct Angles {
  std::vector<float> cosines, sines;
};

RopeTable ropeTable(double theta, int64_t headDim, const int32_t* positions, int64_t rows) {
  static auto* tables = new std::map<std::pair<double, int64_t>, Angles>();
  Angles& angles = (*tables)[{theta, headDim}];
  const int64_t half = headDim / 2;
  int64_t have = static_cast<int64_t>(angles.cosines.size()) / half, need = have;
  for (int64_t row = 0; row < rows; row++) need = std::max<int64_t>(need, positions[row] + 1);
  if (need > have) {
    need = std::max(need, std::min<int64_t>(2 * have, maxPosition));
    angles.cosines.resize(static_cast<size_t>(need * half));
    angles.sines.resize(static_cast<size_t>(need * half));
    for (int64_t i = 0; i < half; i++) {
      const float exponent = static_cast<float>(2 * i) / static_cast<float>(headDim);
      const float frequency = 1.0f / static_cast<float>(std::pow(theta, static_cast<double>(exponent)));
      for (int64_t position = have; position < need; position++) {
        const float angle = static_cast<float>(position) * frequency;
        angles.cosines[static_cast<size_t>(position * half + i)] = static_cast<float>(std::cos(static_cast<double>(angle)));
        angles.sines[static_cast<size_t>(position * half + i)] = static_cast<float>(std::sin(static_cast<double>(angle)));
      }
    }
  }
  return {angles.cosines.data(), angles.sines.data()};
}

void ropeRotate(float* x, int64_t stride, const float* bias, const int32_t* positions, int64_t rows, int64_t heads,
                int64_t headDim, const RopeTable& table, float direction) {
  const int64_t half = headDim / 2;
  parallelRanges(rows, 32, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++) {
      const float* cosine = table.cosines + positions[row] * half;
      const float* sine = table.sines + positions[row] * half;
      float* head = x + row * stride;
      const float* shift = bias;
      for (int64_t h = 0; h < heads; h++, head += headDim) {
        if (shift) {
          for (int64_t i = 0; i < headDim; i++) head[i] += shift[i];
          shift += headDim;
        }
        for (int64_t i = 0; i < half; i++) {
          const float first = head[i], second = head[i + half], turn = direction * sine[i];
          head[i] = first * cosine[i] - second * turn;
          head[i + half] = second * cosine[i] + first * turn;
        }
      }
    }
  });
}

}  // namespace tunelab
