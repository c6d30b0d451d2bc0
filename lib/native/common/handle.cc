#include "handle.h"

#include "arguments.h"
#include "registrar.h"

namespace tunelab {

namespace {

constexpr napi_type_tag handleTag = {0x8f1d6c2a4b7e4f03, 0xa5c39d10e27b64d8};

using Slot = std::unique_ptr<HandleObject>;

Slot* slotOf(const Napi::Value& value) {
  bool tagged = false;
  void* data = nullptr;
  if (!value.IsObject() || napi_check_object_type_tag(value.Env(), value, &handleTag, &tagged) != napi_ok || !tagged ||
      napi_unwrap(value.Env(), value, &data) != napi_ok)
    return nullptr;
  return static_cast<Slot*>(data);
}

// Frees the native part now; a second call does nothing.
Napi::Value dispose(const Napi::CallbackInfo& info) {
  Slot* slot = slotOf(info[0]);
  if (!slot) refuse(info.Env(), "dispose expects a handle of the native backend.");
  slot->reset();
  return info.Env().Undefined();
}

TUNELAB_OP(cpu, "dispose", dispose)
TUNELAB_OP(cuda, "dispose", dispose)

}  // namespace

Napi::Value makeHandle(Napi::Env env, std::unique_ptr<HandleObject> native) {
  Napi::Object handle = Napi::Object::New(env);
  auto slot = std::make_unique<Slot>(std::move(native));
  if (napi_type_tag_object(env, handle, &handleTag) != napi_ok ||
      napi_wrap(env, handle, slot.get(), [](napi_env, void* data, void*) { delete static_cast<Slot*>(data); }, nullptr,
                nullptr) != napi_ok)
    throw Napi::Error::New(env, "Could not create a handle.");
  slot.release();
  return handle;
}

void refuseHandle(Napi::Env env, const char* kind) { refuse(env, std::string("Expected the handle of a ") + kind + "."); }

HandleObject& handleObject(const Napi::Value& value, const char* kind) {
  Slot* slot = slotOf(value);
  if (!slot) refuseHandle(value.Env(), kind);
  if (!*slot) refuse(value.Env(), std::string("This ") + kind + " was disposed of already.");
  return **slot;
}

}  // namespace tunelab
