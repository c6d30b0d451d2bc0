// Buffers' JavaScript side: create, upload, download, copy, convert, fill. Only a download waits for the GPU, and
// `download` waits on a worker thread.
#include <cstring>

#include "cuda/buffer.h"
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/elementwise.h"
#include "cuda/staging.h"
#include "registrar.h"

namespace tunelab::cuda {

namespace {

Dtype dtypeOf(const Napi::Value& value, const char* name) {
  const std::string given = text(value, name);
  for (int i = 0; i < dtypeCount; i++)
    if (given == dtypeNames[i]) return static_cast<Dtype>(i);
  refuse(value.Env(), std::string(name) + " must be \"f32\", \"bf16\", \"f16\", \"i32\" or \"u8\", not \"" + given + "\".");
}

Owner ownerOf(const Napi::Value& value) {
  if (isAbsent(value)) return Owner::workspace;
  const std::string given = text(value, "owner");
  for (int i = 0; i < ownerCount; i++)
    if (given == ownerNames[i]) return static_cast<Owner>(i);
  refuse(value.Env(), "There is no memory owner \"" + given + "\".");
}

struct HostArray {
  const void* data;
  size_t length;
  Dtype dtype;
};

// Uint16Array holds the bits of bf16, or of f16 where the buffer is of that type.
HostArray hostArray(const Napi::Value& value, const char* name) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (!value.IsTypedArray() ||
      napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr) != napi_ok)
    refuse(value.Env(), std::string(name) + " must be a typed array.");
  switch (type) {
    case napi_float32_array: return {data, length, Dtype::f32};
    case napi_uint16_array: return {data, length, Dtype::bf16};
    case napi_int32_array: return {data, length, Dtype::i32};
    case napi_uint8_array: return {data, length, Dtype::u8};
    default:
      refuse(value.Env(), std::string(name) + " must be a Float32Array, Uint16Array (bits of bf16 or f16), Int32Array or Uint8Array.");
  }
}

// Copies the values of `array` to `offset` elements into `storage`, converted to its type.
void write(Napi::Env env, const HostArray& array, Storage& storage, size_t offset) {
  if (offset > storage.length || array.length > storage.length - offset)
    refuse(env, std::to_string(array.length) + " values at offset " + std::to_string(offset) +
                    " do not fit into a buffer of " + std::to_string(storage.length) + ".");
  char* target = static_cast<char*>(storage.data()) + offset * sizeOf(storage.dtype);
  if (array.dtype == storage.dtype || (array.dtype == Dtype::bf16 && storage.dtype == Dtype::f16)) {
    uploadBytes(target, array.data, array.length * sizeOf(array.dtype));
    return;
  }
  if (array.dtype != Dtype::f32 || !isHalf(storage.dtype))
    refuse(env, std::string("Values of type ") + dtypeNames[static_cast<int>(array.dtype)] + " cannot fill a buffer of type " +
                    dtypeNames[static_cast<int>(storage.dtype)] + ".");
  const Block wide(array.length * sizeof(float), Owner::workspace);
  uploadBytes(wide.data(), array.data, array.length * sizeof(float));
  convert(wide.data(), Dtype::f32, target, storage.dtype, static_cast<int64_t>(array.length));
}

// createBuffer(dtype, length, owner?) -> buffer, uninitialised
Napi::Value createBuffer(const Napi::CallbackInfo& info) {
  const auto length = static_cast<size_t>(integer(info[1], "length", 0, int64_t{1} << 40));
  return makeBufferHandle(info.Env(), makeStorage(dtypeOf(info[0], "dtype"), length, ownerOf(info[2])));
}

// createHostBuffer(dtype, length) -> buffer in pinned host memory, uninitialised
Napi::Value createHostBuffer(const Napi::CallbackInfo& info) {
  const auto length = static_cast<size_t>(integer(info[1], "length", 0, int64_t{1} << 40));
  return makeBufferHandle(info.Env(), makeHostStorage(dtypeOf(info[0], "dtype"), length));
}

// upload(array, { dtype?, owner? }) -> buffer
Napi::Value upload(const Napi::CallbackInfo& info) {
  const HostArray array = hostArray(info[0], "array");
  Dtype dtype = array.dtype;
  Owner owner = Owner::workspace;
  if (!isAbsent(info[1])) {
    Napi::Object options = object(info[1], "options");
    if (!isAbsent(options.Get("dtype"))) dtype = dtypeOf(options.Get("dtype"), "dtype");
    owner = ownerOf(options.Get("owner"));
  }
  StoragePtr storage = makeStorage(dtype, array.length, owner);
  write(info.Env(), array, *storage, 0);
  return makeBufferHandle(info.Env(), std::move(storage));
}

// write(buffer, array, offset?)
Napi::Value writeOp(const Napi::CallbackInfo& info) {
  const StoragePtr storage = bufferOf(info[0], "buffer");
  const auto offset = isAbsent(info[2]) ? 0 : static_cast<size_t>(integer(info[2], "offset", 0, int64_t{1} << 40));
  write(info.Env(), hostArray(info[1], "array"), *storage, offset);
  return info.Env().Undefined();
}

// --- Downloads -----------------------------------------------------------------------------------------------------

// bf16 and f16 come back as float32.
Dtype hostType(Dtype dtype) { return isHalf(dtype) ? Dtype::f32 : dtype; }

struct Fetch {
  Fetch(const Storage& storage, size_t offset, size_t count)
      : dtype(hostType(storage.dtype)), length(count), pinned(count * sizeOf(dtype)) {
    const void* source = static_cast<const char*>(storage.data()) + offset * sizeOf(storage.dtype);
    Block wide;
    if (isHalf(storage.dtype)) {
      wide = Block(length * sizeof(float), Owner::workspace);
      convert(source, storage.dtype, wide.data(), Dtype::f32, static_cast<int64_t>(length));
      source = wide.data();
    }
    cudaCheck(cudaMemcpyAsync(pinned.data(), source, length * sizeOf(dtype), cudaMemcpyDefault, stream()));
    cudaCheck(cudaEventCreateWithFlags(&done, cudaEventDisableTiming | cudaEventBlockingSync));
    cudaCheck(cudaEventRecord(done, stream()));
  }
  ~Fetch() {
    if (done) cudaEventDestroy(done);
  }
  Napi::Value array(Napi::Env env) const {
    Napi::ArrayBuffer memory = Napi::ArrayBuffer::New(env, length * sizeOf(dtype));
    std::memcpy(memory.Data(), pinned.data(), length * sizeOf(dtype));
    if (dtype == Dtype::f32) return Napi::Float32Array::New(env, length, memory, 0);
    if (dtype == Dtype::i32) return Napi::Int32Array::New(env, length, memory, 0);
    return Napi::Uint8Array::New(env, length, memory, 0);
  }
  Dtype dtype;
  size_t length;
  PinnedBlock pinned;
  cudaEvent_t done = nullptr;
};

class Waiter : public Napi::AsyncWorker {
 public:
  Waiter(Napi::Env env, std::unique_ptr<Fetch> fetch)
      : Napi::AsyncWorker(env, "tunelab download"), deferred(Napi::Promise::Deferred::New(env)), fetch_(std::move(fetch)) {}
  void Execute() override {
    try {
      cudaCheck(cudaSetDevice(device().index));
      cudaCheck(cudaEventSynchronize(fetch_->done));
    } catch (const std::exception& error) {
      SetError(error.what());
    }
  }
  void OnOK() override { deferred.Resolve(fetch_->array(Env())); }
  void OnError(const Napi::Error& error) override { deferred.Reject(error.Value()); }
  Napi::Promise::Deferred deferred;

 private:
  std::unique_ptr<Fetch> fetch_;
};

// download(buffer, offset?, length?) -> Promise of a typed array
Napi::Value download(const Napi::CallbackInfo& info) {
  const StoragePtr storage = bufferOf(info[0], "buffer");
  const auto most = static_cast<int64_t>(storage->length);
  const int64_t offset = isAbsent(info[1]) ? 0 : integer(info[1], "offset", 0, most);
  const int64_t length = isAbsent(info[2]) ? most - offset : integer(info[2], "length", 0, most - offset);
  auto fetch = std::make_unique<Fetch>(*storage, static_cast<size_t>(offset), static_cast<size_t>(length));
  auto* waiter = new Waiter(info.Env(), std::move(fetch));
  const Napi::Promise promise = waiter->deferred.Promise();
  waiter->Queue();
  return promise;
}

// downloadSync(buffer) -> typed array
Napi::Value downloadSync(const Napi::CallbackInfo& info) {
  const StoragePtr storage = bufferOf(info[0], "buffer");
  const Fetch fetch(*storage, 0, storage->length);
  cudaCheck(cudaEventSynchronize(fetch.done));
  return fetch.array(info.Env());
}

// --- On the device -------------------------------------------------------------------------------------------------

// copy(from, to): same length; converts between f32, bf16 and f16
Napi::Value copy(const Napi::CallbackInfo& info) {
  const StoragePtr from = bufferOf(info[0], "from"), to = bufferOf(info[1], "to", from->length);
  if (from->dtype == to->dtype) {
    if (from->length)
      cudaCheck(cudaMemcpyAsync(to->data(), from->data(), from->bytes(), cudaMemcpyDefault, stream()));
  } else {
    if (!isReal(from->dtype) || !isReal(to->dtype))
      refuse(info.Env(), std::string("There is no conversion from ") + dtypeNames[static_cast<int>(from->dtype)] + " to " +
                             dtypeNames[static_cast<int>(to->dtype)] + ".");
    convert(from->data(), from->dtype, to->data(), to->dtype, static_cast<int64_t>(from->length));
  }
  return info.Env().Undefined();
}

// fill(buffer, value)
Napi::Value fillOp(const Napi::CallbackInfo& info) {
  const StoragePtr buffer = bufferOf(info[0], "buffer");
  const double value = number(info[1], "value");
  if (!buffer->length) return info.Env().Undefined();
  if (value == 0)
    cudaCheck(cudaMemsetAsync(buffer->data(), 0, buffer->bytes(), stream()));
  else
    fill(buffer->data(), buffer->dtype, value, static_cast<int64_t>(buffer->length));
  return info.Env().Undefined();
}

Napi::Value synchronizeOp(const Napi::CallbackInfo& info) {
  synchronize();
  return info.Env().Undefined();
}

TUNELAB_OP(cuda, "createBuffer", createBuffer)
TUNELAB_OP(cuda, "createHostBuffer", createHostBuffer)
TUNELAB_OP(cuda, "upload", upload)
TUNELAB_OP(cuda, "write", writeOp)
TUNELAB_OP(cuda, "download", download)
TUNELAB_OP(cuda, "downloadSync", downloadSync)
TUNELAB_OP(cuda, "copy", copy)
TUNELAB_OP(cuda, "fill", fillOp)
TUNELAB_OP(cuda, "synchronize", synchronizeOp)

}  // namespace

}  // namespace tunelab::cuda
