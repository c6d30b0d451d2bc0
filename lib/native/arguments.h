// Reading JavaScript arguments with every type and size checked: each helper names the argument it refuses.
#pragma once
#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace tunelab {

// A view of a typed array's memory, valid for the duration of the call.
template <typename T>
struct Span {
  T* data = nullptr;
  size_t size = 0;
  T& operator[](size_t i) const { return data[i]; }
};

constexpr size_t anySize = SIZE_MAX;

[[noreturn]] void refuse(Napi::Env env, const std::string& message);

// Typed arrays. `size` is the exact length demanded, or anySize.
Span<float> floats(const Napi::Value& value, const char* name, size_t size = anySize);
Span<double> doubles(const Napi::Value& value, const char* name, size_t size = anySize);
Span<int32_t> ints(const Napi::Value& value, const char* name, size_t size = anySize);
Span<uint8_t> bytes(const Napi::Value& value, const char* name, size_t size = anySize);
// The same, where null or undefined stands for "absent": the span's data is then nullptr.
Span<float> optionalFloats(const Napi::Value& value, const char* name, size_t size = anySize);

double number(const Napi::Value& value, const char* name);
double numberOr(const Napi::Value& value, const char* name, double fallback);
// An integer in [least, most].
int64_t integer(const Napi::Value& value, const char* name, int64_t least = 0, int64_t most = INT32_MAX);
bool boolean(const Napi::Value& value, const char* name);
std::string text(const Napi::Value& value, const char* name);
Napi::Object object(const Napi::Value& value, const char* name);
Napi::Array array(const Napi::Value& value, const char* name);
inline bool isAbsent(const Napi::Value& value) { return value.IsUndefined() || value.IsNull(); }

}  // namespace tunelab
