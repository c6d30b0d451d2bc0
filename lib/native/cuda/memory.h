// Device memory, stream-ordered: a block that is freed is reused by later work of the stream without waiting. Every
// block belongs to an owner, so that a report can say who holds what.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "out_of_memory.h"

namespace tunelab::cuda {

enum class Owner { weights, adapters, optimizer, activations, cache, workspace };
constexpr int ownerCount = 6;
extern const char* const ownerNames[ownerCount];

// Owned like a unique_ptr; uninitialised.
class Block {
 public:
  Block() = default;
  Block(size_t bytes, Owner owner);
  Block(Block&& other) noexcept { *this = std::move(other); }
  Block& operator=(Block&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(owner_, other.owner_);
    return *this;
  }
  ~Block();
  void* data() const { return data_; }
  template <typename T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  size_t bytes() const { return bytes_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
  Owner owner_ = Owner::workspace;
};

struct MemoryReport {
  size_t inUse[ownerCount] = {}, peaks[ownerCount] = {};
  size_t total = 0, peak = 0;
  // What the driver's pool has taken of the device, free blocks included.
  size_t reserved = 0, reservedPeak = 0;
  // Of the whole device, other processes included.
  size_t deviceFree = 0, deviceTotal = 0;
};
MemoryReport memoryReport();
void resetPeaks();
// Gives unused memory of the pool back to the driver; waits for the stream.
void trimMemory();

// "9.25 GiB"
std::string gibibytes(size_t bytes);

// Something that can let go of memory when there is none left (cached weights). Returns whether it freed any.
using Reclaimer = bool (*)();
void setReclaimer(Reclaimer reclaimer);

}  // namespace tunelab::cuda
