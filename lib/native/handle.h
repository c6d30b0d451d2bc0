// Native objects held by JavaScript: an empty object that carries a tag and a pointer, so that a wrong handle is an
// exception, never a wild pointer. The native part lives until dispose() or until the handle is collected.
#pragma once
#include <napi.h>

#include <memory>
#include <string>

namespace tunelab {

// What every handle's pointer points at.
struct HandleObject {
  virtual ~HandleObject() = default;
};

Napi::Value makeHandle(Napi::Env env, std::unique_ptr<HandleObject> native);
// Throws unless `value` is a handle that was not disposed of.
HandleObject& handleObject(const Napi::Value& value, const char* kind);
[[noreturn]] void refuseHandle(Napi::Env env, const char* kind);

// T::kind names the type in messages.
template <typename T>
T& fromHandle(const Napi::Value& value) {
  T* native = dynamic_cast<T*>(&handleObject(value, T::kind));
  if (!native) refuseHandle(value.Env(), T::kind);
  return *native;
}

}  // namespace tunelab
