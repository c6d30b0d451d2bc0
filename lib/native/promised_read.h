// A reader that JavaScript holds, and a read that it awaits.
#pragma once
#include <napi.h>

#include <memory>
#include <string>

#include "arguments.h"
#include "file_reader.h"
#include "handle.h"

namespace tunelab {

class PromisedRead : public ReadTarget {
 public:
  explicit PromisedRead(Napi::Env env);
  // On JavaScript's thread, like the constructor and `settle`.
  ~PromisedRead() override;
  Napi::Promise promise() const { return deferred_.Promise(); }
  void finish(const std::string& error) noexcept final;

 protected:
  // On a reader's thread, after the last piece, whether or not the read has failed.
  virtual void last() {}
  // On JavaScript's thread, before the promise is settled.
  virtual void settle() {}

 private:
  void settled(Napi::Env env);
  Napi::Promise::Deferred deferred_;
  // Keeps the process alive until the promise is settled.
  Napi::ThreadSafeFunction notify_;
  std::string error_;
};

// The argument of createFileReader: { threads?, pieceBytes? }
struct ReaderOptions {
  explicit ReaderOptions(const Napi::Value& value);
  int threads = defaultReaders();
  size_t pieceBytes = defaultPieceBytes;
};

// Its threads end with the handle, or when JavaScript's environment does: memory and promises go with that.
class ReaderHandle : public HandleObject {
 public:
  static constexpr const char* kind = "file reader";
  ReaderHandle(Napi::Env env, const ReaderOptions& options);
  ~ReaderHandle() override;
  FileReader reader;

 private:
  static void environmentEnds(void* self);
  napi_env env_;
};

// readIntoBuffer(reader, descriptor, offset, ...): begins the read, and returns its promise.
Napi::Value startRead(const Napi::CallbackInfo& info, FileReader& reader, size_t bytes, std::unique_ptr<PromisedRead> read);

}  // namespace tunelab
