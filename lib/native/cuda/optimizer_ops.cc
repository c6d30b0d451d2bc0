// The optimizer's JavaScript side. `gradScale` may be a number, or a device buffer [1] that was made by gradNormQueued, so
// that clipping needs no wait.
#include "cuda/optimizer.h"

#include <cmath>
#include <vector>

#include "cuda/buffer.h"
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/staging.h"
#include "registrar.h"

namespace tunelab::cuda {

namespace {

struct StepOptions {
  double learningRate, beta1, beta2, epsilon, weightDecay, gradScale = 1;
  int step;
  StoragePtr clip;

  explicit StepOptions(const Napi::Value& value) {
    Napi::Object given = object(value, "step");
    const auto field = [&](const char* key) { return number(given.Get(key), (std::string("step.") + key).c_str()); };
    learningRate = field("learningRate");
    beta1 = field("beta1");
    beta2 = field("beta2");
    epsilon = field("epsilon");
    weightDecay = field("weightDecay");
    step = static_cast<int>(integer(given.Get("step"), "step.step", 1));
    if (given.Get("gradScale").IsNumber())
      gradScale = field("gradScale");
    else
      clip = bufferOf(given.Get("gradScale"), Dtype::f32, "step.gradScale", 1);
  }
};

StoragePtr field(const Napi::Object& tensor, const char* key, Dtype dtype, uint32_t index, size_t length) {
  return bufferOf(tensor.Get(key), dtype, ("tensors[" + std::to_string(index) + "]." + key).c_str(), length);
}

int64_t blocksOf(size_t count, int64_t size) { return (static_cast<int64_t>(count) + size - 1) / size; }

struct AdamList {
  std::vector<AdamTensor> tensors;
  int64_t blocks = 0;
  void add(AdamTensor tensor, int64_t blockSize) {
    tensor.firstBlock = blocks;
    blocks += blocksOf(static_cast<size_t>(tensor.count), blockSize);
    if (tensor.count) tensors.push_back(tensor);
  }
};

// adamw32(tensors: { value, gradient, m, v }[], step)
Napi::Value adamw32Op(const Napi::CallbackInfo& info) {
  Napi::Array given = array(info[0], "tensors");
  const StepOptions options(info[1]);
  AdamList list;
  for (uint32_t i = 0; i < given.Length(); i++) {
    Napi::Object tensor = object(given.Get(i), "tensors[]");
    const StoragePtr value = field(tensor, "value", Dtype::f32, i, anySize);
    const auto part = [&](const char* key) { return floatsOf(field(tensor, key, Dtype::f32, i, value->length)); };
    list.add({floatsOf(value), part("gradient"), part("m"), part("v"), nullptr, nullptr, nullptr, nullptr,
              static_cast<int64_t>(value->length), 0}, adam32Block);
  }
  const double c1 = 1 - std::pow(options.beta1, options.step), root2 = std::sqrt(1 - std::pow(options.beta2, options.step));
  const TorchStep step{static_cast<float>(options.beta2),
                       static_cast<float>(1 - options.beta1),
                       static_cast<float>(1 - options.beta2),
                       static_cast<float>(options.gradScale),
                       static_cast<float>(1 - options.learningRate * options.weightDecay),
                       static_cast<float>(-options.learningRate / c1),
                       static_cast<float>(root2),
                       static_cast<float>(options.epsilon),
                       floatsOf(options.clip)};
  const Block onDevice = uploadArray(list.tensors.data(), list.tensors.size());
  adamw32(onDevice.as<AdamTensor>(), static_cast<int>(list.tensors.size()), list.blocks, step);
  return info.Env().Undefined();
}

// adamw8bit(tensors: { value, gradient, state1, state2, absmax1, absmax2 }[], signedMap, unsignedMap, step)
Napi::Value adamw8bitOp(const Napi::CallbackInfo& info) {
  Napi::Array given = array(info[0], "tensors");
  const StoragePtr signedMap = bufferOf(info[1], Dtype::f32, "signedMap", 256), unsignedMap = bufferOf(info[2], Dtype::f32, "unsignedMap", 256);
  const StepOptions options(info[3]);
  AdamList list;
  for (uint32_t i = 0; i < given.Length(); i++) {
    Napi::Object tensor = object(given.Get(i), "tensors[]");
    const StoragePtr value = field(tensor, "value", Dtype::f32, i, anySize);
    const StoragePtr gradient = field(tensor, "gradient", Dtype::f32, i, value->length);
    const StoragePtr state1 = bufferOf(tensor.Get("state1"), "tensors[].state1", value->length);
    const StoragePtr state2 = field(tensor, "state2", state1->dtype, i, value->length);
    AdamTensor item{floatsOf(value), floatsOf(gradient), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, static_cast<int64_t>(value->length), 0};
    if (state1->dtype == Dtype::f32) {
      item.m = floatsOf(state1);
      item.v = floatsOf(state2);
    } else if (state1->dtype == Dtype::u8) {
      const auto blocks = static_cast<size_t>(blocksOf(value->length, adam8Block));
      item.code1 = static_cast<uint8_t*>(state1->data());
      item.code2 = static_cast<uint8_t*>(state2->data());
      item.absmax1 = floatsOf(field(tensor, "absmax1", Dtype::f32, i, blocks));
      item.absmax2 = floatsOf(field(tensor, "absmax2", Dtype::f32, i, blocks));
    } else {
      refuse(info.Env(), "tensors[" + std::to_string(i) + "].state1 must be u8 or f32.");
    }
    list.add(item, adam8Block);
  }
  const AdamStep step{static_cast<float>(options.learningRate), static_cast<float>(options.beta1),  static_cast<float>(options.beta2),
                      static_cast<float>(options.epsilon),      static_cast<float>(options.weightDecay), static_cast<float>(options.gradScale),
                      floatsOf(options.clip),                   options.step};
  const Block onDevice = uploadArray(list.tensors.data(), list.tensors.size());
  adamw8bit(onDevice.as<AdamTensor>(), static_cast<int>(list.tensors.size()), list.blocks, floatsOf(signedMap), floatsOf(unsignedMap), step);
  return info.Env().Undefined();
}

// Queues the norm of a list of f32 buffers; result [2] receives norm and clipping coefficient.
void queueNorm(const Napi::Value& value, float maxNorm, float* result) {
  Napi::Array given = array(value, "gradients");
  std::vector<NormTensor> tensors;
  int64_t blocks = 0;
  for (uint32_t i = 0; i < given.Length(); i++) {
    const StoragePtr buffer = bufferOf(given.Get(i), Dtype::f32, ("gradients[" + std::to_string(i) + "]").c_str());
    if (!buffer->length) continue;
    tensors.push_back({floatsOf(buffer), static_cast<int64_t>(buffer->length), blocks});
    blocks += blocksOf(buffer->length, normBlock);
  }
  const Block onDevice = uploadArray(tensors.data(), tensors.size());
  const Block partial(static_cast<size_t>(blocks) * sizeof(double), Owner::workspace);
  gradNorm(onDevice.as<NormTensor>(), static_cast<int>(tensors.size()), blocks, partial.as<double>(), maxNorm, result);
}

// gradNorm(gradients) -> number; waits for the GPU
Napi::Value gradNormOp(const Napi::CallbackInfo& info) {
  const Block result(2 * sizeof(float), Owner::workspace);
  queueNorm(info[0], 0, result.as<float>());
  float norm = 0;
  cudaCheck(cudaMemcpyAsync(&norm, result.data(), sizeof norm, cudaMemcpyDeviceToHost, stream()));
  synchronize();
  return Napi::Number::New(info.Env(), norm);
}

// gradNormQueued(gradients, maxNorm, norm f32 [1], coefficient f32 [1]); does not wait
Napi::Value gradNormQueued(const Napi::CallbackInfo& info) {
  const StoragePtr norm = bufferOf(info[2], Dtype::f32, "norm", 1), coefficient = bufferOf(info[3], Dtype::f32, "coefficient", 1);
  const Block result(2 * sizeof(float), Owner::workspace);
  queueNorm(info[0], static_cast<float>(number(info[1], "maxNorm")), result.as<float>());
  cudaCheck(cudaMemcpyAsync(norm->data(), result.as<float>(), sizeof(float), cudaMemcpyDeviceToDevice, stream()));
  cudaCheck(cudaMemcpyAsync(coefficient->data(), result.as<float>() + 1, sizeof(float), cudaMemcpyDeviceToDevice, stream()));
  return info.Env().Undefined();
}

// scale(values f32, factor)
Napi::Value scale(const Napi::CallbackInfo& info) {
  const StoragePtr values = bufferOf(info[0], Dtype::f32, "values");
  scaleInPlace(floatsOf(values), static_cast<float>(number(info[1], "factor")), static_cast<int64_t>(values->length));
  return info.Env().Undefined();
}

TUNELAB_OP(cuda, "adamw32", adamw32Op)
TUNELAB_OP(cuda, "adamw8bit", adamw8bitOp)
TUNELAB_OP(cuda, "gradNorm", gradNormOp)
TUNELAB_OP(cuda, "gradNormQueued", gradNormQueued)
TUNELAB_OP(cuda, "scale", scale)

}  // namespace

}  // namespace tunelab::cuda
