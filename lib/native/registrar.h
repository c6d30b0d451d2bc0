// Every .cc file adds its own functions to a table of the addon, so that a file can come or go without another knowing:
//
//   static Napi::Value scaleInPlace(const Napi::CallbackInfo& info) { ... }
//   TUNELAB_OP(cpu, "scale", scaleInPlace)
//
// makes addon.cpu.scale. Tables are the members of Table below. C++ exceptions become JavaScript errors.
#pragma once
#include <napi.h>

#include <exception>
#include <new>

#include "out_of_memory.h"

namespace tunelab {

enum class Table { cpu, tensor, cuda, cudaTensor };
using Op = Napi::Value (*)(const Napi::CallbackInfo&);
using RawCallback = napi_value (*)(napi_env, napi_callback_info);

// One entry of the list that addon.cc walks when the module is loaded. Constructed before main, by code that must run
// on any processor: the constructor is defined in addon.cc.
struct Registration {
  Registration(Table table, const char* name, RawCallback callback);
  Table table;
  const char* name;
  RawCallback callback;
  Registration* next;
};

inline Napi::Error outOfMemory(napi_env env, const char* message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Value()["code"] = Napi::String::New(env, "TUNELAB_OUT_OF_MEMORY");
  return error;
}

// The border: whatever an op throws becomes a JavaScript exception.
template <Op op>
napi_value callOp(napi_env env, napi_callback_info rawInfo) {
  try {
    try {
      Napi::CallbackInfo info(env, rawInfo);
      return op(info);
    } catch (const Napi::Error&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw outOfMemory(env, "Out of memory in the native backend.");
    } catch (const OutOfMemory& error) {
      throw outOfMemory(env, error.what());
    } catch (const std::exception& error) {
      throw Napi::Error::New(env, error.what());
    }
  } catch (const Napi::Error& error) {
    error.ThrowAsJavaScriptException();
    return nullptr;
  }
}

}  // namespace tunelab

#define TUNELAB_JOIN_(a, b) a##b
#define TUNELAB_JOIN(a, b) TUNELAB_JOIN_(a, b)
// The function may be an instance of a template, with commas in its name.
#define TUNELAB_OP(table, name, ...)                                            \
  static ::tunelab::Registration TUNELAB_JOIN(tunelabOp, __COUNTER__)(          \
      ::tunelab::Table::table, name, &::tunelab::callOp<&__VA_ARGS__>);
