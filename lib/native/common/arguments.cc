#include "arguments.h"

#include <cmath>

namespace tunelab {

void refuse(Napi::Env env, const std::string& message) { throw Napi::TypeError::New(env, message); }

template <typename T>
static Span<T> typedArray(const Napi::Value& value, const char* name, size_t size, napi_typedarray_type type,
                          const char* typeName) {
  napi_typedarray_type actual;
  size_t length = 0;
  void* data = nullptr;
  if (!value.IsTypedArray() ||
      napi_get_typedarray_info(value.Env(), value, &actual, &length, &data, nullptr, nullptr) != napi_ok ||
      actual != type)
    refuse(value.Env(), std::string(name) + " must be a " + typeName + ".");
  if (size != anySize && length != size)
    refuse(value.Env(), std::string(name) + " has " + std::to_string(length) + " elements, expected " +
                            std::to_string(size) + ".");
  return {static_cast<T*>(data), length};
}

Span<float> floats(const Napi::Value& value, const char* name, size_t size) {
  return typedArray<float>(value, name, size, napi_float32_array, "Float32Array");
}

Span<double> doubles(const Napi::Value& value, const char* name, size_t size) {
  return typedArray<double>(value, name, size, napi_float64_array, "Float64Array");
}

Span<int32_t> ints(const Napi::Value& value, const char* name, size_t size) {
  return typedArray<int32_t>(value, name, size, napi_int32_array, "Int32Array");
}

Span<uint8_t> bytes(const Napi::Value& value, const char* name, size_t size) {
  return typedArray<uint8_t>(value, name, size, napi_uint8_array, "Uint8Array");
}

Span<float> optionalFloats(const Napi::Value& value, const char* name, size_t size) {
  return isAbsent(value) ? Span<float>{} : floats(value, name, size);
}

double number(const Napi::Value& value, const char* name) {
  if (!value.IsNumber()) refuse(value.Env(), std::string(name) + " must be a number.");
  return value.As<Napi::Number>().DoubleValue();
}

double numberOr(const Napi::Value& value, const char* name, double fallback) {
  return isAbsent(value) ? fallback : number(value, name);
}

int64_t integer(const Napi::Value& value, const char* name, int64_t least, int64_t most) {
  const double given = number(value, name);
  if (!(given >= static_cast<double>(least) && given <= static_cast<double>(most)) || given != std::floor(given))
    refuse(value.Env(), std::string(name) + " must be an integer from " + std::to_string(least) + " to " +
                            std::to_string(most) + ".");
  return static_cast<int64_t>(given);
}

bool boolean(const Napi::Value& value, const char* name) {
  if (!value.IsBoolean()) refuse(value.Env(), std::string(name) + " must be true or false.");
  return value.As<Napi::Boolean>().Value();
}

std::string text(const Napi::Value& value, const char* name) {
  if (!value.IsString()) refuse(value.Env(), std::string(name) + " must be a string.");
  return value.As<Napi::String>().Utf8Value();
}

Napi::Object object(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) refuse(value.Env(), std::string(name) + " must be an object.");
  return value.As<Napi::Object>();
}

Napi::Array array(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) refuse(value.Env(), std::string(name) + " must be an array.");
  return value.As<Napi::Array>();
}

}  // namespace tunelab
