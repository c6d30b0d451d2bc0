// Pinned host memory between JavaScript's arrays and the GPU: without it a copy would wait for the work queued before.
#pragma once
#include <cstddef>
#include <memory>

#include "cuda/memory.h"

namespace tunelab::cuda {

// Queues a copy to the device; `source` may be changed as soon as this returns.
void uploadBytes(void* target, const void* source, size_t bytes);

// A pinned block on loan; goes back to a free list.
class PinnedBlock {
 public:
  explicit PinnedBlock(size_t bytes);
  PinnedBlock(const PinnedBlock&) = delete;
  PinnedBlock& operator=(const PinnedBlock&) = delete;
  ~PinnedBlock();
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

// The same for a small array of plain structs that a kernel reads.
template <typename T>
Block uploadArray(const T* values, size_t count) {
  Block block(count * sizeof(T), Owner::workspace);
  if (count) uploadBytes(block.data(), values, count * sizeof(T));
  return block;
}

}  // namespace tunelab::cuda
