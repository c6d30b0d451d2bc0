// NF4's JavaScript side.
#include "cuda/nf4.h"

#include "cuda/buffer.h"
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/frozen_matrix.h"
#include "registrar.h"

namespace tunelab::cuda {

namespace {

// On a GPU only bitsandbytes' CUDA rounding is offered.
void checkVariant(const Napi::Value& value) {
  if (text(value, "variant") != "cuda") refuse(value.Env(), "The GPU quantises by the variant \"cuda\" only.");
}

// quantizeNf4(values, blockSize, variant, packed, absmax f32): without double quantisation
Napi::Value quantize(const Napi::CallbackInfo& info) {
  const StoragePtr values = floatBufferOf(info[0], "values");
  const int64_t blockSize = integer(info[1], "blockSize", 32, 4096);
  const auto count = static_cast<int64_t>(values->length), blocks = (count + blockSize - 1) / blockSize;
  checkVariant(info[2]);
  const StoragePtr packed = bufferOf(info[3], Dtype::u8, "packed", static_cast<size_t>((count + 1) / 2));
  const StoragePtr absmax = bufferOf(info[4], Dtype::f32, "absmax", static_cast<size_t>(blocks));
  quantizeNf4(values->data(), values->dtype, count, blockSize, static_cast<uint8_t*>(packed->data()), floatsOf(absmax));
  return info.Env().Undefined();
}

// quantizeScales(absmax f32, nestedBlockSize, nestedCode, codes u8, nestedAbsmax, offset f32 [1])
Napi::Value quantizeScales(const Napi::CallbackInfo& info) {
  const StoragePtr absmax = bufferOf(info[0], Dtype::f32, "absmax");
  const int64_t blockSize = integer(info[1], "nestedBlockSize", 1, 1 << 20);
  const size_t blocks = (absmax->length + static_cast<size_t>(blockSize) - 1) / static_cast<size_t>(blockSize);
  const StoragePtr code = bufferOf(info[2], Dtype::f32, "nestedCode", 256);
  const StoragePtr codes = bufferOf(info[3], Dtype::u8, "codes", absmax->length);
  const StoragePtr nested = bufferOf(info[4], Dtype::f32, "nestedAbsmax", blocks);
  const StoragePtr offset = bufferOf(info[5], Dtype::f32, "offset", 1);
  const auto count = static_cast<int64_t>(absmax->length);
  if (count == 0) {
    cudaCheck(cudaMemsetAsync(offset->data(), 0, sizeof(float), stream()));
    return info.Env().Undefined();
  }
  mean(floatsOf(absmax), count, floatsOf(offset));
  quantizeBlockwise(floatsOf(absmax), floatsOf(offset), count, blockSize, floatsOf(code), static_cast<uint8_t*>(codes->data()),
                    floatsOf(nested));
  return info.Env().Undefined();
}

// dequantizeNf4(state, target f32 | bf16 | f16)
Napi::Value dequantize(const Napi::CallbackInfo& info) {
  const StoragePtr target = floatBufferOf(info[1], "target");
  Napi::Object weight = Napi::Object::New(info.Env());
  weight["kind"] = Napi::String::New(info.Env(), "nf4");
  weight["state"] = info[0];
  const auto count = static_cast<int64_t>(target->length);
  const FrozenMatrix matrix(weight, 1, count, "state");
  matrix.expand(target->data(), target->dtype, count);
  return info.Env().Undefined();
}

// quantizeBlockwise(values f32, code, blockSize, variant, codes u8, absmax f32)
Napi::Value quantize8(const Napi::CallbackInfo& info) {
  const StoragePtr values = bufferOf(info[0], Dtype::f32, "values"), code = bufferOf(info[1], Dtype::f32, "code", 256);
  const int64_t blockSize = integer(info[2], "blockSize", 1, 1 << 20);
  const size_t blocks = (values->length + static_cast<size_t>(blockSize) - 1) / static_cast<size_t>(blockSize);
  checkVariant(info[3]);
  const StoragePtr codes = bufferOf(info[4], Dtype::u8, "codes", values->length), absmax = bufferOf(info[5], Dtype::f32, "absmax", blocks);
  quantizeBlockwise(floatsOf(values), nullptr, static_cast<int64_t>(values->length), blockSize, floatsOf(code),
                    static_cast<uint8_t*>(codes->data()), floatsOf(absmax));
  return info.Env().Undefined();
}

// dequantizeBlockwise(codes u8, absmax, code, blockSize, values f32)
Napi::Value dequantize8(const Napi::CallbackInfo& info) {
  const StoragePtr codes = bufferOf(info[0], Dtype::u8, "codes"), code = bufferOf(info[2], Dtype::f32, "code", 256);
  const int64_t blockSize = integer(info[3], "blockSize", 1, 1 << 20);
  const size_t blocks = (codes->length + static_cast<size_t>(blockSize) - 1) / static_cast<size_t>(blockSize);
  const StoragePtr absmax = bufferOf(info[1], Dtype::f32, "absmax", blocks), values = bufferOf(info[4], Dtype::f32, "values", codes->length);
  dequantizeBlockwise(static_cast<const uint8_t*>(codes->data()), floatsOf(absmax), static_cast<int64_t>(codes->length), blockSize,
                      floatsOf(code), floatsOf(values));
  return info.Env().Undefined();
}

TUNELAB_OP(cuda, "quantizeNf4", quantize)
TUNELAB_OP(cuda, "quantizeScales", quantizeScales)
TUNELAB_OP(cuda, "dequantizeNf4", dequantize)
TUNELAB_OP(cuda, "quantizeBlockwise", quantize8)
TUNELAB_OP(cuda, "dequantizeBlockwise", dequantize8)

}  // namespace

}  // namespace tunelab::cuda
