// Device buffers as the tfjs kernels see them: by the C++ type of their elements. The ops are those of cpu/tensor_*.cc.
#pragma once
#include <string>
#include <type_traits>

#include "cuda/buffer.h"
#include "tensor_math.h"

namespace tunelab::cuda {

template <typename T>
constexpr Dtype dtypeWith = std::is_same<T, float>::value ? Dtype::f32 : std::is_same<T, int32_t>::value ? Dtype::i32 : Dtype::u8;

template <typename T>
struct Elements {
  StoragePtr storage;
  T* data;
  size_t size;
};

template <typename T>
Elements<T> elements(const Napi::Value& value, const char* name, size_t size = anySize) {
  StoragePtr storage = bufferOf(value, dtypeWith<T>, name, size);
  T* const data = static_cast<T*>(storage->data());
  const size_t length = storage->length;
  return {std::move(storage), data, length};
}

// Calls f(T{}) with the type of the buffer's elements, which must be among Ts.
template <typename... Ts, typename F>
void withElements(const Napi::Value& value, const char* name, F f) {
  const Dtype dtype = bufferOf(value, name)->dtype;
  const bool known = ((dtype == dtypeWith<Ts> && (f(Ts{}), true)) || ...);
  if (!known) refuse(value.Env(), std::string(name) + " is " + dtypeNames[static_cast<int>(dtype)] + ", a type that this op does not compute with.");
}

}  // namespace tunelab::cuda
