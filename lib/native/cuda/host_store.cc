// A shelf in pinned host memory for what a model needs again much later: the inputs of decoder layers between their forward
// and their backward pass. Copies run on a stream of their own beside the computation:
//   write: the copy waits for the work that was queued before it; the buffer may be disposed of at once, its memory is not
//          handed out again before `join`.
//   read:  likewise, into a buffer; whoever queues work on it calls `join` first.
//   join:  work that is queued from now on comes after the slot's copy.
#include <vector>

#include "cuda/buffer.h"
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/host_memory.h"
#include "registrar.h"

namespace tunelab::cuda {

namespace {

// The stream of all copies: those of one slot follow each other.
cudaStream_t copies() {
  static const cudaStream_t made = [] {
    device();
    cudaStream_t created;
    cudaCheck(cudaStreamCreateWithFlags(&created, cudaStreamNonBlocking));
    return created;
  }();
  return made;
}

cudaEvent_t makeEvent() {
  cudaEvent_t event;
  cudaCheck(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  return event;
}

struct Slot {
  HostBlock memory;
  size_t bytes = 0;
  // The device's side of a copy under way, and the end of that copy.
  StoragePtr device;
  cudaEvent_t done = nullptr;
};

class HostStore : public HandleObject {
 public:
  static constexpr const char* kind = "host store";
  HostStore(size_t slots, size_t slotBytes) : slots_(slots), slotBytes_(slotBytes) {}

  ~HostStore() override {
    for (Slot& slot : slots_) {
      if (slot.device) cudaStreamWaitEvent(stream(), slot.done, 0);
      slot.device.reset();
      if (slot.done) cudaEventDestroy(slot.done);
    }
    cudaStreamSynchronize(copies());
  }

  size_t size() const { return slots_.size(); }
  size_t slotBytes() const { return slotBytes_; }
  size_t held(size_t index) const { return slots_[index].bytes; }

  void write(size_t index, const StoragePtr& from) {
    Slot& slot = slots_[index];
    if (!slot.memory) slot.memory = HostBlock(slotBytes_);
    start(slot, from, slot.memory.data(), from->data(), cudaMemcpyDeviceToHost);
    slot.bytes = from->bytes();
  }

  void read(size_t index, const StoragePtr& to) {
    Slot& slot = slots_[index];
    start(slot, to, to->data(), slot.memory.data(), cudaMemcpyHostToDevice);
  }

  void join(size_t index) {
    Slot& slot = slots_[index];
    if (!slot.device) return;
    cudaCheck(cudaStreamWaitEvent(stream(), slot.done, 0));
    // Freed in the order of the stream, after the wait.
    slot.device.reset();
  }

 private:
  void start(Slot& slot, const StoragePtr& device, void* target, const void* source, cudaMemcpyKind kind) {
    static const cudaEvent_t ready = makeEvent();
    if (!slot.done) slot.done = makeEvent();
    join(static_cast<size_t>(&slot - slots_.data()));
    cudaCheck(cudaEventRecord(ready, stream()));
    cudaCheck(cudaStreamWaitEvent(copies(), ready, 0));
    cudaCheck(cudaMemcpyAsync(target, source, device->bytes(), kind, copies()));
    cudaCheck(cudaEventRecord(slot.done, copies()));
    slot.device = device;
  }

  std::vector<Slot> slots_;
  size_t slotBytes_;
};

size_t slotOf(const Napi::Value& value, const HostStore& store) {
  return static_cast<size_t>(integer(value, "slot", 0, static_cast<int64_t>(store.size()) - 1));
}

// createHostStore(slots, slotBytes) -> store; memory is pinned when a slot is first written
Napi::Value create(const Napi::CallbackInfo& info) {
  const auto slots = static_cast<size_t>(integer(info[0], "slots", 1, 1 << 16));
  const auto bytes = static_cast<size_t>(integer(info[1], "slotBytes", 1, int64_t{1} << 40));
  return makeHandle(info.Env(), std::make_unique<HostStore>(slots, bytes));
}

// hostStoreWrite(store, slot, buffer)
Napi::Value write(const Napi::CallbackInfo& info) {
  HostStore& store = fromHandle<HostStore>(info[0]);
  const size_t slot = slotOf(info[1], store);
  const StoragePtr from = bufferOf(info[2], "buffer");
  if (from->bytes() > store.slotBytes())
    refuse(info.Env(), "The buffer has " + std::to_string(from->bytes()) + " bytes, a slot of the store " +
                           std::to_string(store.slotBytes()) + ".");
  store.write(slot, from);
  return info.Env().Undefined();
}

// hostStoreRead(store, slot, buffer)
Napi::Value read(const Napi::CallbackInfo& info) {
  HostStore& store = fromHandle<HostStore>(info[0]);
  const size_t slot = slotOf(info[1], store);
  const StoragePtr to = bufferOf(info[2], "buffer");
  if (to->bytes() != store.held(slot))
    refuse(info.Env(), "The buffer has " + std::to_string(to->bytes()) + " bytes, slot " + std::to_string(slot) + " of the store holds " +
                           std::to_string(store.held(slot)) + ".");
  store.read(slot, to);
  return info.Env().Undefined();
}

// hostStoreJoin(store, slot)
Napi::Value joinOp(const Napi::CallbackInfo& info) {
  HostStore& store = fromHandle<HostStore>(info[0]);
  store.join(slotOf(info[1], store));
  return info.Env().Undefined();
}

TUNELAB_OP(cuda, "createHostStore", create)
TUNELAB_OP(cuda, "hostStoreWrite", write)
TUNELAB_OP(cuda, "hostStoreRead", read)
TUNELAB_OP(cuda, "hostStoreJoin", joinOp)

}  // namespace

}  // namespace tunelab::cuda
