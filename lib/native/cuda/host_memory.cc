#include "cuda/host_memory.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/memory.h"
#include "out_of_memory.h"

namespace tunelab::cuda {

static std::atomic<size_t> held{0};

HostBlock::HostBlock(size_t bytes) {
  // The context of this thread is the device's.
  device();
  bytes = std::max<size_t>(bytes, 1);
  const cudaError_t error = cudaHostAlloc(&data_, bytes, cudaHostAllocDefault);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    data_ = nullptr;
    throw OutOfMemory("The host is out of memory that can be pinned for the GPU: " + gibibytes(bytes) + " more were asked for, " +
                      gibibytes(held) + " are held.");
  }
  cudaCheck(error);
  bytes_ = bytes;
  held += bytes_;
}

HostBlock& HostBlock::operator=(HostBlock&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

HostBlock::~HostBlock() {
  if (!data_) return;
  // At the end of the process the driver may be gone already; then the memory is too.
  cudaFreeHost(data_);
  held -= bytes_;
}

size_t hostBytes() { return held; }

}  // namespace tunelab::cuda
