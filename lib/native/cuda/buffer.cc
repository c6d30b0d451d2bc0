#include "cuda/buffer.h"

#include "cuda/device.h"

namespace tunelab::cuda {

const char* const dtypeNames[dtypeCount] = {"f32", "bf16", "f16", "i32", "u8"};

StoragePtr makeStorage(Dtype dtype, size_t length, Owner owner) {
  return StoragePtr(new Storage{Block(length * sizeOf(dtype), owner), HostBlock(), dtype, length});
}

StoragePtr makeHostStorage(Dtype dtype, size_t length) {
  return StoragePtr(new Storage{Block(), HostBlock(length * sizeOf(dtype)), dtype, length});
}

Storage::~Storage() {
  // Queued kernels may still read it.
  if (host) cudaStreamSynchronize(stream());
}

Napi::Value makeBufferHandle(Napi::Env env, StoragePtr storage) {
  const Dtype dtype = storage->dtype;
  const double length = static_cast<double>(storage->length);
  Napi::Value handle = makeHandle(env, std::make_unique<DeviceBuffer>(std::move(storage)));
  Napi::Object object = handle.As<Napi::Object>();
  object["dtype"] = Napi::String::New(env, dtypeNames[static_cast<int>(dtype)]);
  object["length"] = Napi::Number::New(env, length);
  return handle;
}

StoragePtr bufferOf(const Napi::Value& value, const char* name, size_t length) {
  if (!value.IsObject()) refuse(value.Env(), std::string(name) + " must be a device buffer.");
  const StoragePtr& storage = fromHandle<DeviceBuffer>(value).storage;
  if (length != anySize && storage->length != length)
    refuse(value.Env(), std::string(name) + " has " + std::to_string(storage->length) + " elements, expected " +
                            std::to_string(length) + ".");
  return storage;
}

StoragePtr bufferOf(const Napi::Value& value, Dtype dtype, const char* name, size_t length) {
  StoragePtr storage = bufferOf(value, name, length);
  if (storage->dtype != dtype)
    refuse(value.Env(), std::string(name) + " is " + dtypeNames[static_cast<int>(storage->dtype)] + ", expected " +
                            dtypeNames[static_cast<int>(dtype)] + ".");
  return storage;
}

StoragePtr optionalBufferOf(const Napi::Value& value, Dtype dtype, const char* name, size_t length) {
  return isAbsent(value) ? nullptr : bufferOf(value, dtype, name, length);
}

StoragePtr floatBufferOf(const Napi::Value& value, const char* name, size_t length) {
  StoragePtr storage = bufferOf(value, name, length);
  if (!isReal(storage->dtype))
    refuse(value.Env(), std::string(name) + " is " + dtypeNames[static_cast<int>(storage->dtype)] + ", expected f32, bf16 or f16.");
  return storage;
}

}  // namespace tunelab::cuda
