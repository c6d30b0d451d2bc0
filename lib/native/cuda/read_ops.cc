// Files into buffers on the device, while JavaScript goes on: each thread of a reader fills one of its two pinned blocks while
// the other is copied, on a stream of its own beside the computation. What was read is searched for infinities on the device.
#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "cuda/buffer.h"
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/finite.h"
#include "cuda/staging.h"
#include "promised_read.h"
#include "registrar.h"

namespace tunelab::cuda {

namespace {

class Event {
 public:
  explicit Event(unsigned flags = 0) { cudaCheck(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming | flags)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(event_); }
  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

struct PinnedPiece {
  explicit PinnedPiece(size_t bytes) : memory(bytes) {}
  PinnedBlock memory;
  // The end of its last copy; threads that wait for it sleep.
  Event copied{cudaEventBlockingSync};
};

// What the reads of one reader share: blocks that each belong to one thread, and the stream of all copies.
class Copies {
 public:
  Copies(int threads, size_t pieceBytes) : pieceBytes_(pieceBytes), lanes_(static_cast<size_t>(threads)) {
    device();
    cudaCheck(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
  }
  Copies(const Copies&) = delete;
  Copies& operator=(const Copies&) = delete;
  ~Copies() {
    // Before the blocks may serve somebody else.
    cudaStreamSynchronize(stream_);
    cudaStreamDestroy(stream_);
  }
  cudaStream_t stream() const { return stream_; }

  // The thread's block that was copied longest ago, once that copy is done.
  PinnedPiece& take(int thread) {
    Lane& lane = lanes_[static_cast<size_t>(thread)];
    lane.turn ^= 1;
    std::unique_ptr<PinnedPiece>& piece = lane.pieces[lane.turn];
    if (!piece) {
      cudaCheck(cudaSetDevice(device().index));
      piece = std::make_unique<PinnedPiece>(pieceBytes_);
    }
    cudaCheck(cudaEventSynchronize(piece->copied));
    return *piece;
  }
  PinnedPiece& taken(int thread) {
    Lane& lane = lanes_[static_cast<size_t>(thread)];
    return *lane.pieces[lane.turn];
  }

 private:
  struct Lane {
    std::array<std::unique_ptr<PinnedPiece>, 2> pieces;
    size_t turn = 0;
  };
  const size_t pieceBytes_;
  std::vector<Lane> lanes_;
  cudaStream_t stream_ = nullptr;
};

class DeviceRead : public PromisedRead {
 public:
  DeviceRead(Napi::Env env, std::shared_ptr<Copies> copies, StoragePtr storage)
      : PromisedRead(env), copies_(std::move(copies)), storage_(std::move(storage)) {
    // The memory may be in use until here by work that is queued on what it was before.
    cudaCheck(cudaEventRecord(free_, stream()));
  }

  char* place(int thread, size_t, size_t) override { return static_cast<char*>(copies_->take(thread).memory.data()); }

  void filled(int thread, size_t at, size_t bytes) override {
    const PinnedPiece& piece = copies_->taken(thread);
    const cudaStream_t copies = copies_->stream();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!waited_) cudaCheck(cudaStreamWaitEvent(copies, free_, 0));
      waited_ = true;
    }
    char* target = static_cast<char*>(storage_->data()) + at;
    cudaCheck(cudaMemcpyAsync(target, piece.memory.data(), bytes, cudaMemcpyDefault, copies));
    cudaCheck(cudaEventRecord(piece.copied, copies));
  }

 protected:
  void last() override {
    cudaCheck(cudaSetDevice(device().index));
    cudaCheck(cudaEventRecord(copied_, copies_->stream()));
  }

  // Work that is queued from here on, freeing the memory included, comes after the copies.
  void settle() override {
    cudaCheck(cudaStreamWaitEvent(stream(), copied_, 0));
    storage_.reset();
  }

 private:
  std::shared_ptr<Copies> copies_;
  StoragePtr storage_;
  Event free_, copied_;
  std::mutex mutex_;
  bool waited_ = false;
};

struct DeviceReader : ReaderHandle {
  DeviceReader(Napi::Env env, const ReaderOptions& options)
      : ReaderHandle(env, options), copies(std::make_shared<Copies>(options.threads, options.pieceBytes)) {}
  std::shared_ptr<Copies> copies;
};

// createFileReader({ threads?, pieceBytes? }?) -> reader; blocks are pinned when they are first needed
Napi::Value createFileReader(const Napi::CallbackInfo& info) {
  return makeHandle(info.Env(), std::make_unique<DeviceReader>(info.Env(), ReaderOptions(info[0])));
}

// readIntoBuffer(reader, descriptor, offset, buffer) -> Promise
Napi::Value readIntoBuffer(const Napi::CallbackInfo& info) {
  DeviceReader& owner = fromHandle<DeviceReader>(info[0]);
  const StoragePtr storage = bufferOf(info[3], "buffer");
  return startRead(info, owner.reader, storage->bytes(), std::make_unique<DeviceRead>(info.Env(), owner.copies, storage));
}

// firstNonFinite(values, found i32 [2])
Napi::Value firstNonFiniteOp(const Napi::CallbackInfo& info) {
  const StoragePtr values = floatBufferOf(info[0], "values"), found = bufferOf(info[1], Dtype::i32, "found", 2);
  if (values->length >= UINT32_MAX) refuse(info.Env(), "values has " + std::to_string(values->length) + " elements, at most 2^32 - 2 can be numbered.");
  firstNonFinite(values->data(), values->dtype, static_cast<int64_t>(values->length), static_cast<uint32_t*>(found->data()));
  return info.Env().Undefined();
}

TUNELAB_OP(cuda, "createFileReader", createFileReader)
TUNELAB_OP(cuda, "readIntoBuffer", readIntoBuffer)
TUNELAB_OP(cuda, "firstNonFinite", firstNonFiniteOp)

}  // namespace

}  // namespace tunelab::cuda
