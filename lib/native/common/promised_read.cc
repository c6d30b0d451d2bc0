#include "promised_read.h"

namespace tunelab {

PromisedRead::PromisedRead(Napi::Env env)
    : deferred_(Napi::Promise::Deferred::New(env)),
      notify_(Napi::ThreadSafeFunction::New(env, Napi::Function(), "tunelab read", 0, 1)) {}

PromisedRead::~PromisedRead() {
  if (notify_) notify_.Release();
}

void PromisedRead::finish(const std::string& error) noexcept {
  try {
    error_ = error;
    last();
  } catch (const std::exception& thrown) {
    if (error_.empty()) error_ = thrown.what();
  }
  // Refused when the environment ends; nothing here can be freed from this thread then.
  notify_.BlockingCall(this, [](Napi::Env env, Napi::Function, PromisedRead* self) { self->settled(env); });
}

void PromisedRead::settled(Napi::Env env) {
  const std::unique_ptr<PromisedRead> self(this);
  try {
    settle();
  } catch (const std::exception& thrown) {
    if (error_.empty()) error_ = thrown.what();
  }
  if (error_.empty())
    deferred_.Resolve(env.Undefined());
  else
    deferred_.Reject(Napi::Error::New(env, error_).Value());
}

ReaderOptions::ReaderOptions(const Napi::Value& value) {
  if (isAbsent(value)) return;
  Napi::Object given = object(value, "options");
  const Napi::Value count = given.Get("threads"), bytes = given.Get("pieceBytes");
  if (!isAbsent(count)) threads = static_cast<int>(integer(count, "threads", 1, maxReaders));
  if (!isAbsent(bytes)) pieceBytes = static_cast<size_t>(integer(bytes, "pieceBytes", 1, int64_t{1} << 30));
}

ReaderHandle::ReaderHandle(Napi::Env env, const ReaderOptions& options) : reader(options.threads, options.pieceBytes), env_(env) {
  if (napi_add_env_cleanup_hook(env_, environmentEnds, this) != napi_ok) env_ = nullptr;
}

ReaderHandle::~ReaderHandle() {
  if (env_) napi_remove_env_cleanup_hook(env_, environmentEnds, this);
}

void ReaderHandle::environmentEnds(void* self) {
  auto* handle = static_cast<ReaderHandle*>(self);
  handle->env_ = nullptr;
  handle->reader.stop();
}

Napi::Value startRead(const Napi::CallbackInfo& info, FileReader& reader, size_t bytes, std::unique_ptr<PromisedRead> read) {
  const auto descriptor = static_cast<int>(integer(info[1], "descriptor"));
  const auto offset = static_cast<uint64_t>(integer(info[2], "offset", 0, int64_t{1} << 53));
  const Napi::Promise promise = read->promise();
  reader.read(descriptor, offset, bytes, std::move(read));
  return promise;
}

}  // namespace tunelab
