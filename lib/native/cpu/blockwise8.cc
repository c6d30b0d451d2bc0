// Block-wise 8-bit quantisation: one scale a block, a code of the dynamic map an element. Follows bitsandbytes bit for
// bit: csrc/cpu_ops.cpp (a table of 65,536 steps) or csrc/kernels.cu, dQuantize (a binary search whose ties keep the
// pivot and whose bounds fall back to the ends of the map).
#include "cpu/blockwise8.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "arguments.h"
#include "cpu/variant.h"
#include "parallel.h"
#include "registrar.h"

namespace tunelab {

static constexpr int stepCount = 65536;

static std::shared_ptr<const std::vector<uint8_t>> makeSteps(const float* code) {
  auto steps = std::make_shared<std::vector<uint8_t>>(stepCount);
  int index = 0;
  for (int step = 0; step < stepCount; step++) {
    const float value = -1.0f + static_cast<float>(2.0 * step / (stepCount - 1));
    while (index < 255 && 0.5f * (code[index] + code[index + 1]) < value) index++;
    (*steps)[static_cast<size_t>(step)] = static_cast<uint8_t>(index);
  }
  return steps;
}

Encoder8::Encoder8(const float* code, Variant variant) {
  std::copy_n(code, 256, code_.begin());
  if (variant == Variant::cuda) return;
  // The tables of the last few maps: an optimizer step asks for the same two again and again.
  static thread_local std::vector<std::pair<std::array<float, 256>, std::shared_ptr<const std::vector<uint8_t>>>> known;
  for (const auto& entry : known)
    if (std::memcmp(entry.first.data(), code, sizeof entry.first) == 0) steps_ = entry.second;
  if (steps_) return;
  if (known.size() >= 4) known.clear();
  steps_ = makeSteps(code);
  known.emplace_back(code_, steps_);
}

uint8_t Encoder8::operator()(float normed) const {
  if (!steps_) return search(normed);
  if (std::isnan(normed)) return 0;
  const float clamped = std::min(1.0f, std::max(-1.0f, normed));
  return (*steps_)[static_cast<size_t>(std::fma((clamped + 1.0f) * 0.5f, static_cast<float>(stepCount - 1), 0.5f))];
}

uint8_t Encoder8::search(float x) const {
  int pivot = 127, lower = 0, upper = 255;
  float value = code_[127];
  for (int step = 64; step > 0; step >>= 1) {
    if (x > value) {
      lower = pivot;
      pivot += step;
    } else {
      upper = pivot;
      pivot -= step;
    }
    value = code_[static_cast<size_t>(pivot)];
  }
  if (x > value)
    return static_cast<uint8_t>(x > (code_[static_cast<size_t>(upper)] + value) * 0.5f ? upper : pivot);
  return static_cast<uint8_t>(x < (code_[static_cast<size_t>(lower)] + value) * 0.5f ? lower : pivot);
}

float largestMagnitude(const float* values, int64_t count) {
  float largest = 0;
#pragma omp simd reduction(max : largest)
  for (int64_t i = 0; i < count; i++) {
    const float magnitude = std::fabs(values[i]);
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest;
}

float quantizeBlock(const Encoder8& encoder, const float* values, int64_t count, uint8_t* codes) {
  const float scale = largestMagnitude(values, count);
  if (scale == 0) {
    std::memset(codes, 0, static_cast<size_t>(count));
    return scale;
  }
  const float reciprocal = 1.0f / scale;
  for (int64_t i = 0; i < count; i++) codes[i] = encoder(values[i] * reciprocal);
  return scale;
}

namespace {

int64_t blockCount(size_t elements, int64_t blockSize) {
  return (static_cast<int64_t>(elements) + blockSize - 1) / blockSize;
}

// quantizeBlockwise(values, code, blockSize, variant, quantized, absmax)
Napi::Value quantize(const Napi::CallbackInfo& info) {
  const Span<float> values = floats(info[0], "values"), code = floats(info[1], "code", 256);
  const int64_t blockSize = integer(info[2], "blockSize", 1);
  const Encoder8 encoder(code.data, variantOf(info[3]));
  const int64_t blocks = blockCount(values.size, blockSize), size = static_cast<int64_t>(values.size);
  const Span<uint8_t> quantized = bytes(info[4], "quantized", values.size);
  const Span<float> absmax = floats(info[5], "absmax", static_cast<size_t>(blocks));
  parallelRanges(blocks, 16, [&](int64_t begin, int64_t end, int) {
    for (int64_t block = begin; block < end; block++) {
      const int64_t first = block * blockSize;
      absmax.data[block] =
          quantizeBlock(encoder, values.data + first, std::min(blockSize, size - first), quantized.data + first);
    }
  });
  return info.Env().Undefined();
}

// dequantizeBlockwise(quantized, absmax, code, blockSize, values)
Napi::Value dequantize(const Napi::CallbackInfo& info) {
  const Span<uint8_t> quantized = bytes(info[0], "quantized");
  const Span<float> code = floats(info[2], "code", 256);
  const int64_t blockSize = integer(info[3], "blockSize", 1);
  const int64_t blocks = blockCount(quantized.size, blockSize), size = static_cast<int64_t>(quantized.size);
  const Span<float> absmax = floats(info[1], "absmax", static_cast<size_t>(blocks));
  const Span<float> values = floats(info[4], "values", quantized.size);
  parallelRanges(blocks, 16, [&](int64_t begin, int64_t end, int) {
    for (int64_t block = begin; block < end; block++)
      for (int64_t i = block * blockSize; i < std::min(size, (block + 1) * blockSize); i++)
        values.data[i] = code.data[quantized.data[i]] * absmax.data[block];
  });
  return info.Env().Undefined();
}

TUNELAB_OP(cpu, "quantizeBlockwise", quantize)
TUNELAB_OP(cpu, "dequantizeBlockwise", dequantize)

}  // namespace

}  // namespace tunelab
