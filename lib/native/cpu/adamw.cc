// AdamW over a list of tensors in one call. Orders of operation and roundings are those of the references that
// lib/train/optim/adamMath.ts follows, bit for bit: torch.optim.AdamW for 32-bit states; bitsandbytes for 8-bit states
// (blocks of 256, codes of the dynamic maps) and for tensors that are too small for them.
// Fused for 8-bit states: codes to float, moments, update and new codes, a block at a time.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "arguments.h"
#include "cpu/blockwise8.h"
#include "parallel.h"
#include "registrar.h"

namespace tunelab {

namespace {

constexpr int64_t blockSize = 256;

// The numbers of one step, rounded to float32 where the references round them.
struct Step {
  float beta1, beta2, share1, share2, gradScale, kept;
  // torch's order: -lr / c1 · m / (√v / √c2 + eps).
  float size, correction, epsilon;
  // bitsandbytes' order for 32-bit states: m / (√v + eps √c2) · (-lr √c2 / c1).
  float fusedSize, fusedEpsilon;

  explicit Step(const Napi::Value& value) {
    Napi::Object given = object(value, "step");
    const auto field = [&](const char* key) { return number(given.Get(key), (std::string("step.") + key).c_str()); };
    const double b1 = field("beta1"), b2 = field("beta2"), lr = field("learningRate"), eps = field("epsilon");
    const double count = static_cast<double>(integer(given.Get("step"), "step.step", 1));
    const double c1 = 1 - std::pow(b1, count), root2 = std::sqrt(1 - std::pow(b2, count));
    beta1 = static_cast<float>(b1);
    beta2 = static_cast<float>(b2);
    share1 = static_cast<float>(1 - b1);
    share2 = static_cast<float>(1 - b2);
    gradScale = static_cast<float>(field("gradScale"));
    kept = static_cast<float>(1 - lr * field("weightDecay"));
    size = static_cast<float>(-lr / c1);
    correction = static_cast<float>(root2);
    epsilon = static_cast<float>(eps);
    fusedSize = static_cast<float>(-lr * root2 / c1);
    fusedEpsilon = static_cast<float>(eps * root2);
  }
};

void moments(const float* gradient, float* m, float* v, int64_t count, const Step& step) {
  for (int64_t i = 0; i < count; i++) {
    const float g = gradient[i] * step.gradScale;
    m[i] = std::fma(g, step.share1, m[i] * step.beta1);
    v[i] = std::fma(g * step.share2, g, v[i] * step.beta2);
  }
}

// torch interpolates the mean: m + (1 - beta1) (g - m).
void momentsInterpolated(const float* gradient, float* m, float* v, int64_t count, const Step& step) {
  for (int64_t i = 0; i < count; i++) {
    const float g = gradient[i] * step.gradScale;
    m[i] = std::fma(g - m[i], step.share1, m[i]);
    v[i] = std::fma(g * step.share2, g, v[i] * step.beta2);
  }
}

void update(float* values, const float* m, const float* v, int64_t count, const Step& step) {
  for (int64_t i = 0; i < count; i++) {
    const float denominator = std::sqrt(v[i]) / step.correction + step.epsilon;
    values[i] = values[i] * step.kept + step.size * m[i] / denominator;
  }
}

void updateFused(float* values, const float* m, const float* v, int64_t count, const Step& step) {
  for (int64_t i = 0; i < count; i++) {
    const float change = m[i] / (std::sqrt(v[i]) + step.fusedEpsilon);
    values[i] = std::fma(change, step.fusedSize, values[i] * step.kept);
  }
}

// A stretch of one tensor: the unit that threads share out.
struct Piece {
  float* values;
  const float* gradient;
  // 32-bit states, or codes with their scales.
  float *m, *v;
  uint8_t *code1, *code2;
  float *absmax1, *absmax2;
  int64_t count;
};

void updateBlock(const Piece& piece, const Encoder8& encoder1, const Encoder8& encoder2, const Step& step) {
  float m[blockSize], v[blockSize];
  for (int64_t i = 0; i < piece.count; i++) {
    m[i] = encoder1.code()[piece.code1[i]] * *piece.absmax1;
    v[i] = encoder2.code()[piece.code2[i]] * *piece.absmax2;
  }
  moments(piece.gradient, m, v, piece.count, step);
  update(piece.values, m, v, piece.count, step);
  *piece.absmax1 = quantizeBlock(encoder1, m, piece.count, piece.code1);
  *piece.absmax2 = quantizeBlock(encoder2, v, piece.count, piece.code2);
}

Span<float> field(const Napi::Object& tensor, const char* key, uint32_t index, size_t size) {
  return floats(tensor.Get(key), ("tensors[" + std::to_string(index) + "]." + key).c_str(), size);
}

// Cuts a tensor with 32-bit states into stretches.
void addPieces(std::vector<Piece>& pieces, const Napi::Object& tensor, const Span<float>& values, const float* gradient,
               uint32_t index, const char* first, const char* second) {
  float* m = field(tensor, first, index, values.size).data;
  float* v = field(tensor, second, index, values.size).data;
  const int64_t size = static_cast<int64_t>(values.size), stretch = 16 * blockSize;
  for (int64_t at = 0; at < size; at += stretch)
    pieces.push_back({values.data + at, gradient + at, m + at, v + at, nullptr, nullptr, nullptr, nullptr,
                      std::min(stretch, size - at)});
}

// adamw32(tensors: { value, gradient, m, v }[], step)
Napi::Value adamw32(const Napi::CallbackInfo& info) {
  Napi::Array tensors = array(info[0], "tensors");
  const Step step(info[1]);
  std::vector<Piece> pieces;
  for (uint32_t i = 0; i < tensors.Length(); i++) {
    Napi::Object tensor = object(tensors.Get(i), ("tensors[" + std::to_string(i) + "]").c_str());
    const Span<float> values = field(tensor, "value", i, anySize);
    addPieces(pieces, tensor, values, field(tensor, "gradient", i, values.size).data, i, "m", "v");
  }
  parallelRanges(static_cast<int64_t>(pieces.size()), 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t p = begin; p < end; p++) {
      const Piece& piece = pieces[static_cast<size_t>(p)];
      momentsInterpolated(piece.gradient, piece.m, piece.v, piece.count, step);
      update(piece.values, piece.m, piece.v, piece.count, step);
    }
  });
  return info.Env().Undefined();
}

// adamw8bit(tensors: { value, gradient, state1, state2, absmax1, absmax2 }[], signedMap, unsignedMap, step)
Napi::Value adamw8bit(const Napi::CallbackInfo& info) {
  Napi::Array tensors = array(info[0], "tensors");
  const Encoder8 encoder1(floats(info[1], "signedMap", 256).data, Variant::cpu);
  const Encoder8 encoder2(floats(info[2], "unsignedMap", 256).data, Variant::cpu);
  const Step step(info[3]);
  std::vector<Piece> pieces;
  for (uint32_t i = 0; i < tensors.Length(); i++) {
    const std::string name = "tensors[" + std::to_string(i) + "]";
    Napi::Object tensor = object(tensors.Get(i), name.c_str());
    const Span<float> values = field(tensor, "value", i, anySize);
    const float* gradient = field(tensor, "gradient", i, values.size).data;
    const Napi::Value state1 = tensor.Get("state1");
    if (state1.IsTypedArray() && state1.As<Napi::TypedArray>().TypedArrayType() == napi_float32_array) {
      addPieces(pieces, tensor, values, gradient, i, "state1", "state2");
      continue;
    }
    const int64_t size = static_cast<int64_t>(values.size), blocks = (size + blockSize - 1) / blockSize;
    uint8_t* code1 = bytes(state1, (name + ".state1").c_str(), values.size).data;
    uint8_t* code2 = bytes(tensor.Get("state2"), (name + ".state2").c_str(), values.size).data;
    float* absmax1 = field(tensor, "absmax1", i, static_cast<size_t>(blocks)).data;
    float* absmax2 = field(tensor, "absmax2", i, static_cast<size_t>(blocks)).data;
    for (int64_t block = 0, at = 0; block < blocks; block++, at += blockSize)
      pieces.push_back({values.data + at, gradient + at, nullptr, nullptr, code1 + at, code2 + at, absmax1 + block,
                        absmax2 + block, std::min(blockSize, size - at)});
  }
  parallelRanges(static_cast<int64_t>(pieces.size()), 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t p = begin; p < end; p++) {
      const Piece& piece = pieces[static_cast<size_t>(p)];
      if (piece.code1) {
        updateBlock(piece, encoder1, encoder2, step);
      } else {
        moments(piece.gradient, piece.m, piece.v, piece.count, step);
        updateFused(piece.values, piece.m, piece.v, piece.count, step);
      }
    }
  });
  return info.Env().Undefined();
}

TUNELAB_OP(cpu, "adamw32", adamw32)
TUNELAB_OP(cpu, "adamw8bit", adamw8bit)

}  // namespace

}  // namespace tunelab
