// Device buffers as JavaScript handles: { dtype, length } with the memory behind them. Native objects that refer to a
// buffer share its storage, so disposing of the handle early never leaves them with a wild pointer.
#pragma once
#include <memory>

#include "arguments.h"
#include "cuda/dtype.h"
#include "cuda/host_memory.h"
#include "cuda/memory.h"
#include "handle.h"

namespace tunelab::cuda {

struct Storage {
  // One of the two holds the values.
  Block block;
  HostBlock host;
  Dtype dtype;
  size_t length;
  ~Storage();
  void* data() const { return host ? host.data() : block.data(); }
  size_t bytes() const { return length * sizeOf(dtype); }
};
using StoragePtr = std::shared_ptr<Storage>;

struct DeviceBuffer : HandleObject {
  static constexpr const char* kind = "device buffer";
  explicit DeviceBuffer(StoragePtr storage) : storage(std::move(storage)) {}
  StoragePtr storage;
};

StoragePtr makeStorage(Dtype dtype, size_t length, Owner owner);
// In pinned host memory, which kernels read over the bus: for what is read seldom or in small parts.
StoragePtr makeHostStorage(Dtype dtype, size_t length);
Napi::Value makeBufferHandle(Napi::Env env, StoragePtr storage);

// Arguments. `length` is the exact length demanded, or anySize.
StoragePtr bufferOf(const Napi::Value& value, const char* name, size_t length = anySize);
StoragePtr bufferOf(const Napi::Value& value, Dtype dtype, const char* name, size_t length = anySize);
// null and undefined give a null pointer.
StoragePtr optionalBufferOf(const Napi::Value& value, Dtype dtype, const char* name, size_t length = anySize);
// f32, bf16 or f16.
StoragePtr floatBufferOf(const Napi::Value& value, const char* name, size_t length = anySize);

inline float* floatsOf(const StoragePtr& storage) { return storage ? static_cast<float*>(storage->data()) : nullptr; }

}  // namespace tunelab::cuda
