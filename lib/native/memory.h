// Working memory that outlives a call: blocks go back to a free list rather than to the system, because fresh pages cost
// more (a fault every 4 KiB) than the ops that fill them. Reported by memory(), returned to the system by trim().
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tunelab {

// An uninitialised float buffer, aligned to 64 bytes, owned like a unique_ptr.
class Scratch {
 public:
  Scratch() = default;
  explicit Scratch(int64_t count);
  Scratch(Scratch&& other) noexcept { *this = std::move(other); }
  Scratch& operator=(Scratch&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Scratch();
  float* data() const { return data_; }
  explicit operator bool() const { return data_ != nullptr; }
  size_t bytes() const { return bytes_; }

 private:
  float* data_ = nullptr;
  size_t bytes_ = 0;
};

struct MemoryReport {
  size_t inUse, pooled, peak;
};
MemoryReport memoryReport();
// Gives the free list back to the system.
void trimMemory();

}  // namespace tunelab
