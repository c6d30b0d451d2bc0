#include "cuda/memory.h"

#include <algorithm>
#include <cstdio>
#include <mutex>

#include "cuda/check.h"
#include "cuda/device.h"

namespace tunelab::cuda {

const char* const ownerNames[ownerCount] = {"weights", "adapters", "optimizer", "activations", "cache", "workspace"};

namespace {

std::mutex mutex;
MemoryReport current;
Reclaimer reclaimer = nullptr;

// Keeps freed memory for the next allocation instead of returning it at every synchronisation.
void keepPool() {
  static const bool done = [] {
    cudaMemPool_t pool;
    cudaCheck(cudaDeviceGetDefaultMemPool(&pool, device().index));
    uint64_t threshold = UINT64_MAX;
    cudaCheck(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold));
    return true;
  }();
  (void)done;
}

cudaError_t allocate(void** data, size_t bytes) {
  if (!device().hasMemoryPools) return cudaMalloc(data, bytes);
  keepPool();
  return cudaMallocAsync(data, bytes, stream());
}

std::string gibibytes(size_t bytes) {
  char text[32];
  snprintf(text, sizeof text, "%.2f GiB", static_cast<double>(bytes) / (1 << 30));
  return text;
}

std::string outOfMemoryMessage(size_t bytes, Owner owner) {
  const MemoryReport report = memoryReport();
  std::string message = "The GPU " + device().name + " is out of memory: " + gibibytes(bytes) + " more were asked for (" +
                        ownerNames[static_cast<int>(owner)] + "), " + gibibytes(report.deviceFree) + " of " +
                        gibibytes(report.deviceTotal) + " are free. In use:";
  for (int i = 0; i < ownerCount; i++) message += std::string("\n  ") + ownerNames[i] + ": " + gibibytes(report.inUse[i]);
  return message +
         "\nUse gradient checkpointing, a smaller batch or shorter sequences, or free models that are no longer needed.";
}

}  // namespace

Block::Block(size_t bytes, Owner owner) : owner_(owner) {
  // Kernels read up to 16 bytes at once; a multiple keeps them inside the block.
  const size_t rounded = std::max<size_t>((bytes + 255) / 256 * 256, 256);
  cudaError_t error = allocate(&data_, rounded);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    trimMemory();
    error = allocate(&data_, rounded);
    if (error == cudaErrorMemoryAllocation && reclaimer && reclaimer()) {
      cudaGetLastError();
      trimMemory();
      error = allocate(&data_, rounded);
    }
  }
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    data_ = nullptr;
    throw OutOfMemory(outOfMemoryMessage(rounded, owner));
  }
  cudaCheck(error);
  bytes_ = rounded;
  std::lock_guard<std::mutex> lock(mutex);
  size_t& held = current.inUse[static_cast<int>(owner_)];
  held += bytes_;
  current.total += bytes_;
  size_t& most = current.peaks[static_cast<int>(owner_)];
  most = std::max(most, held);
  current.peak = std::max(current.peak, current.total);
}

Block::~Block() {
  if (!data_) return;
  // At the end of the process the driver may be gone already; then the memory is too.
  if (device().hasMemoryPools)
    cudaFreeAsync(data_, stream());
  else
    cudaFree(data_);
  std::lock_guard<std::mutex> lock(mutex);
  current.inUse[static_cast<int>(owner_)] -= bytes_;
  current.total -= bytes_;
}

MemoryReport memoryReport() {
  MemoryReport report;
  {
    std::lock_guard<std::mutex> lock(mutex);
    report = current;
  }
  cudaCheck(cudaMemGetInfo(&report.deviceFree, &report.deviceTotal));
  return report;
}

void resetPeaks() {
  std::lock_guard<std::mutex> lock(mutex);
  std::copy(current.inUse, current.inUse + ownerCount, current.peaks);
  current.peak = current.total;
}

void trimMemory() {
  synchronize();
  if (!device().hasMemoryPools) return;
  cudaMemPool_t pool;
  cudaCheck(cudaDeviceGetDefaultMemPool(&pool, device().index));
  cudaCheck(cudaMemPoolTrimTo(pool, 0));
}

void setReclaimer(Reclaimer next) { reclaimer = next; }

}  // namespace tunelab::cuda
