// Host memory that the GPU reads and writes by itself: pinned, so that copies run beside computation and kernels reach it
// over the bus.
#pragma once
#include <cstddef>

namespace tunelab::cuda {

// Owned like a unique_ptr; uninitialised. Whoever frees it sees to it that no queued work uses it any more.
class HostBlock {
 public:
  HostBlock() = default;
  explicit HostBlock(size_t bytes);
  HostBlock(HostBlock&& other) noexcept { *this = static_cast<HostBlock&&>(other); }
  HostBlock& operator=(HostBlock&& other) noexcept;
  ~HostBlock();
  void* data() const { return data_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

// Bytes that all blocks together hold.
size_t hostBytes();

}  // namespace tunelab::cuda
