#include "memory.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tunelab {

namespace {

constexpr size_t hugePage = size_t{2} << 20;

std::mutex mutex;
// Free blocks by size.
std::multimap<size_t, float*>& freeBlocks() {
  static auto* blocks = new std::multimap<size_t, float*>();
  return *blocks;
}
size_t inUse = 0, pooled = 0, peak = 0;

// Rounded up to an eighth of the next power of two, so that batches of similar sizes share blocks.
size_t roundUp(size_t bytes) {
  size_t power = 4096;
  while (power < bytes) power *= 2;
  const size_t step = std::max<size_t>(4096, power / 8);
  return (bytes + step - 1) / step * step;
}

float* allocate(size_t bytes) {
  const bool huge = bytes >= 2 * hugePage;
  void* block = nullptr;
  if (posix_memalign(&block, huge ? hugePage : 64, bytes) != 0) return nullptr;
#if defined(MADV_HUGEPAGE)
  if (huge) madvise(block, bytes, MADV_HUGEPAGE);
#endif
  return static_cast<float*>(block);
}

}  // namespace

Scratch::Scratch(int64_t count) {
  const size_t bytes = roundUp(static_cast<size_t>(std::max<int64_t>(count, 1)) * sizeof(float));
  std::lock_guard<std::mutex> lock(mutex);
  auto found = freeBlocks().lower_bound(bytes);
  if (found != freeBlocks().end() && found->first <= bytes + bytes / 4) {
    bytes_ = found->first;
    data_ = found->second;
    pooled -= bytes_;
    freeBlocks().erase(found);
  } else {
    data_ = allocate(bytes);
    if (!data_) throw std::bad_alloc();
    bytes_ = bytes;
  }
  inUse += bytes_;
  peak = std::max(peak, inUse + pooled);
}

Scratch::~Scratch() {
  if (!data_) return;
  std::lock_guard<std::mutex> lock(mutex);
  freeBlocks().emplace(bytes_, data_);
  inUse -= bytes_;
  pooled += bytes_;
}

MemoryReport memoryReport() {
  std::lock_guard<std::mutex> lock(mutex);
  return {inUse, pooled, peak};
}

void trimMemory() {
  std::lock_guard<std::mutex> lock(mutex);
  for (auto& block : freeBlocks()) free(block.second);
  freeBlocks().clear();
  pooled = 0;
  peak = inUse;
}

}  // namespace tunelab
