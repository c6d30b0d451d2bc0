// Files into arrays on the host, by several threads, while JavaScript goes on.
#include "promised_read.h"
#include "registrar.h"

namespace tunelab {

namespace {

class HostRead : public PromisedRead {
 public:
  HostRead(const Napi::Value& array, const Span<uint8_t>& memory)
      : PromisedRead(array.Env()), array_(Napi::Persistent(array.As<Napi::Object>())), data_(reinterpret_cast<char*>(memory.data)) {}
  char* place(int, size_t at, size_t) override { return data_ + at; }
  void filled(int, size_t, size_t) override {}

 private:
  Napi::ObjectReference array_;
  char* data_;
};

// createFileReader({ threads?, pieceBytes? }?) -> reader
Napi::Value createFileReader(const Napi::CallbackInfo& info) {
  return makeHandle(info.Env(), std::make_unique<ReaderHandle>(info.Env(), ReaderOptions(info[0])));
}

// readIntoBuffer(reader, descriptor, offset, Uint8Array) -> Promise
Napi::Value readIntoBuffer(const Napi::CallbackInfo& info) {
  FileReader& reader = fromHandle<ReaderHandle>(info[0]).reader;
  const Span<uint8_t> memory = bytes(info[3], "buffer");
  return startRead(info, reader, memory.size, std::make_unique<HostRead>(info[3], memory));
}

TUNELAB_OP(cpu, "createFileReader", createFileReader)
TUNELAB_OP(cpu, "readIntoBuffer", readIntoBuffer)

}  // namespace

}  // namespace tunelab
