// The GPU that ops run on. Found at the first use, never when the module is loaded: the same file loads where there is
// no GPU, and says why it cannot use one.
#pragma once
#include <cuda_runtime_api.h>

#include <cstddef>
#include <string>

namespace tunelab::cuda {

struct Device {
  int index = 0, count = 0;
  std::string name;
  int major = 0, minor = 0;
  // As CUDA writes them: 1000 * major + 10 * minor.
  int driverVersion = 0, runtimeVersion = 0;
  int multiprocessors = 0;
  size_t totalMemory = 0;
  bool hasMemoryPools = false;
  // All work of the backend is queued on this one stream, so memory can be reused in the order of the calls.
  cudaStream_t stream = nullptr;
};

// Throws with the reason when there is no usable GPU.
const Device& device();
inline cudaStream_t stream() { return device().stream; }
// The reason why device() would throw; empty when it would not.
const std::string& unavailable();

// Waits for all queued work; errors of kernels surface here.
void synchronize();

}  // namespace tunelab::cuda
