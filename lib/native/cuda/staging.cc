#include "cuda/staging.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>

#include "cuda/check.h"
#include "cuda/device.h"

namespace tunelab::cuda {

namespace {

// --- Uploads: a ring that copies pass through ------------------------------------------------------------------

constexpr size_t ringBytes = size_t{16} << 20;
constexpr size_t pieceBytes = ringBytes / 4;

struct InFlight {
  size_t begin, end;
  cudaEvent_t done;
};

class Ring {
 public:
  // Queues one piece of at most pieceBytes.
  void send(void* target, const void* source, size_t bytes) {
    if (!memory_) cudaCheck(cudaHostAlloc(reinterpret_cast<void**>(&memory_), ringBytes, cudaHostAllocDefault));
    if (head_ + bytes > ringBytes) head_ = 0;
    const size_t begin = head_, end = head_ + bytes;
    // Pieces are retired in order, so one that overlaps is reached through all older ones.
    while (!pending_.empty() && overlapsAny(begin, end)) retireOldest();
    std::memcpy(memory_ + begin, source, bytes);
    cudaCheck(cudaMemcpyAsync(target, memory_ + begin, bytes, cudaMemcpyDefault, stream()));
    pending_.push_back({begin, end, takeEvent()});
    cudaCheck(cudaEventRecord(pending_.back().done, stream()));
    head_ = (end + 63) / 64 * 64;
  }

 private:
  bool overlapsAny(size_t begin, size_t end) const {
    return std::any_of(pending_.begin(), pending_.end(), [&](const InFlight& p) { return begin < p.end && p.begin < end; });
  }
  void retireOldest() {
    cudaCheck(cudaEventSynchronize(pending_.front().done));
    spare_.push_back(pending_.front().done);
    pending_.pop_front();
  }
  cudaEvent_t takeEvent() {
    if (pending_.size() > 64 && cudaEventQuery(pending_.front().done) == cudaSuccess) retireOldest();
    if (spare_.empty()) {
      cudaEvent_t event;
      cudaCheck(cudaEventCreateWithFlags(&event, cudaEventDisableTiming | cudaEventBlockingSync));
      return event;
    }
    const cudaEvent_t event = spare_.back();
    spare_.pop_back();
    return event;
  }
  char* memory_ = nullptr;
  size_t head_ = 0;
  std::deque<InFlight> pending_;
  std::deque<cudaEvent_t> spare_;
};

// --- Downloads: blocks on loan -----------------------------------------------------------------------------------

constexpr size_t pooledLimit = size_t{256} << 20;
std::mutex mutex;
std::multimap<size_t, void*>& freeBlocks() {
  static auto* blocks = new std::multimap<size_t, void*>();
  return *blocks;
}
size_t pooled = 0;

}  // namespace

void uploadBytes(void* target, const void* source, size_t bytes) {
  static auto* ring = new Ring();
  for (size_t at = 0; at < bytes; at += pieceBytes)
    ring->send(static_cast<char*>(target) + at, static_cast<const char*>(source) + at, std::min(pieceBytes, bytes - at));
}

PinnedBlock::PinnedBlock(size_t bytes) {
  bytes = std::max<size_t>(4096, bytes);
  {
    std::lock_guard<std::mutex> lock(mutex);
    const auto found = freeBlocks().lower_bound(bytes);
    if (found != freeBlocks().end() && found->first <= 2 * bytes) {
      bytes_ = found->first;
      data_ = found->second;
      pooled -= bytes_;
      freeBlocks().erase(found);
      return;
    }
  }
  cudaCheck(cudaHostAlloc(&data_, bytes, cudaHostAllocDefault));
  bytes_ = bytes;
}

PinnedBlock::~PinnedBlock() {
  if (!data_) return;
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (pooled + bytes_ <= pooledLimit) {
      freeBlocks().emplace(bytes_, data_);
      pooled += bytes_;
      return;
    }
  }
  cudaFreeHost(data_);
}

}  // namespace tunelab::cuda
