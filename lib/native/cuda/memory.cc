#include "cuda/memory.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>

#include "cuda/check.h"
#include "cuda/device.h"

namespace tunelab::cuda {

const char* const ownerNames[ownerCount] = {"weights", "adapters", "optimizer", "activations", "cache", "workspace"};

namespace {

std::mutex mutex;
MemoryReport current;
Reclaimer reclaimer = nullptr;

// The driver's pool, which keeps freed memory for the next allocation instead of returning it at every synchronisation.
cudaMemPool_t pool() {
  static const cudaMemPool_t found = [] {
    cudaMemPool_t own;
    cudaCheck(cudaDeviceGetDefaultMemPool(&own, device().index));
    uint64_t threshold = UINT64_MAX;
    cudaCheck(cudaMemPoolSetAttribute(own, cudaMemPoolAttrReleaseThreshold, &threshold));
    return own;
  }();
  return found;
}

size_t poolBytes(cudaMemPoolAttr attribute) {
  uint64_t bytes = 0;
  cudaCheck(cudaMemPoolGetAttribute(pool(), attribute, &bytes));
  return static_cast<size_t>(bytes);
}

// Small blocks go to a free list of our own: the driver's pool takes a microsecond or two to hand one out, and a decoded
// token asks for a thousand. All work is on one stream, so a block can be used again at once.
constexpr size_t smallBlock = size_t{1} << 20, smallLimit = size_t{128} << 20;
std::multimap<size_t, void*>& smallBlocks() {
  static auto* blocks = new std::multimap<size_t, void*>();
  return *blocks;
}
size_t smallPooled = 0;

void* takeSmall(size_t bytes) {
  std::lock_guard<std::mutex> lock(mutex);
  const auto found = smallBlocks().find(bytes);
  if (found == smallBlocks().end()) return nullptr;
  void* data = found->second;
  smallPooled -= bytes;
  smallBlocks().erase(found);
  return data;
}

bool keepSmall(void* data, size_t bytes) {
  std::lock_guard<std::mutex> lock(mutex);
  if (bytes > smallBlock || smallPooled + bytes > smallLimit) return false;
  smallBlocks().emplace(bytes, data);
  smallPooled += bytes;
  return true;
}

void release(void* data) {
  // At the end of the process the driver may be gone already; then the memory is too.
  if (device().hasMemoryPools)
    cudaFreeAsync(data, stream());
  else
    cudaFree(data);
}

// Small sizes in eighths of a power of two, so that blocks of similar sizes are shared. Kernels read up to 16 bytes at
// once; multiples of 256 keep them inside the block.
size_t roundUp(size_t bytes) {
  size_t step = 256;
  if (bytes <= smallBlock)
    while (step * 8 < bytes) step *= 2;
  return std::max<size_t>((bytes + step - 1) / step * step, 256);
}

cudaError_t allocate(void** data, size_t bytes) {
  if (bytes <= smallBlock && (*data = takeSmall(bytes))) return cudaSuccess;
  if (!device().hasMemoryPools) return cudaMalloc(data, bytes);
  pool();
  return cudaMallocAsync(data, bytes, stream());
}

// Tests set TUNELAB_CUDA_POISON: what reads memory that nothing wrote then computes with NaN.
bool poisons() {
  static const bool set = std::getenv("TUNELAB_CUDA_POISON") != nullptr;
  return set;
}

std::string outOfMemoryMessage(size_t bytes, Owner owner) {
  const MemoryReport report = memoryReport();
  std::string message = "The GPU " + device().name + " is out of memory: " + gibibytes(bytes) + " more were asked for (" +
                        ownerNames[static_cast<int>(owner)] + "), " + gibibytes(report.deviceFree) + " of " +
                        gibibytes(report.deviceTotal) + " are free. In use:";
  for (int i = 0; i < ownerCount; i++) message += std::string("\n  ") + ownerNames[i] + ": " + gibibytes(report.inUse[i]);
  return message;
}

}  // namespace

std::string gibibytes(size_t bytes) {
  char text[32];
  snprintf(text, sizeof text, "%.2f GiB", static_cast<double>(bytes) / (1 << 30));
  return text;
}

Block::Block(size_t bytes, Owner owner) : owner_(owner) {
  const size_t rounded = roundUp(bytes);
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
  if (poisons()) cudaCheck(cudaMemsetAsync(data_, 0xff, bytes_, stream()));
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
  if (!keepSmall(data_, bytes_)) release(data_);
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
  const bool pooled = device().hasMemoryPools;
  report.reserved = pooled ? poolBytes(cudaMemPoolAttrReservedMemCurrent) : report.total;
  report.reservedPeak = pooled ? poolBytes(cudaMemPoolAttrReservedMemHigh) : report.peak;
  return report;
}

void resetPeaks() {
  std::lock_guard<std::mutex> lock(mutex);
  std::copy(current.inUse, current.inUse + ownerCount, current.peaks);
  current.peak = current.total;
  uint64_t none = 0;
  if (device().hasMemoryPools) cudaCheck(cudaMemPoolSetAttribute(pool(), cudaMemPoolAttrReservedMemHigh, &none));
}

void trimMemory() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    for (const auto& block : smallBlocks()) release(block.second);
    smallBlocks().clear();
    smallPooled = 0;
  }
  synchronize();
  if (device().hasMemoryPools) cudaCheck(cudaMemPoolTrimTo(pool(), 0));
}

void setReclaimer(Reclaimer next) { reclaimer = next; }

}  // namespace tunelab::cuda
