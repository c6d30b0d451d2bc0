// What the tfjs kernels on the CPU share: typed arrays by the type of their elements, and grids divided over threads.
#pragma once
#include <functional>
#include <string>

#include "arguments.h"
#include "tensor_grid.h"

namespace tunelab {

// Elements below which a second thread costs more than it brings.
constexpr int64_t tensorGrain = 16384;

template <typename T>
Span<T> elements(const Napi::Value& value, const char* name, size_t size = anySize);
template <>
inline Span<float> elements<float>(const Napi::Value& value, const char* name, size_t size) {
  return floats(value, name, size);
}
template <>
inline Span<int32_t> elements<int32_t>(const Napi::Value& value, const char* name, size_t size) {
  return ints(value, name, size);
}
template <>
inline Span<uint8_t> elements<uint8_t>(const Napi::Value& value, const char* name, size_t size) {
  return bytes(value, name, size);
}

template <typename T>
constexpr napi_typedarray_type arrayType = std::is_same<T, float>::value     ? napi_float32_array
                                           : std::is_same<T, int32_t>::value ? napi_int32_array
                                                                             : napi_uint8_array;

// Calls f(T{}) with the type of the array's elements, which must be among Ts.
template <typename... Ts, typename F>
void withElements(const Napi::Value& value, const char* name, F f) {
  const auto holds = [&](napi_typedarray_type type) {
    return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == type;
  };
  const bool known = ((holds(arrayType<Ts>) && (f(Ts{}), true)) || ...);
  if (!known) refuse(value.Env(), std::string(name) + " must be an array of a type that this op computes with.");
}

// Calls body for parts of the rows, or for pieces [begin, end) of a single row: body(row, begin, end).
void eachRow(const Grid& grid, const std::function<void(int64_t row, int64_t begin, int64_t end)>& body);

}  // namespace tunelab
