#include "cuda/device.h"

#include <dlfcn.h>

#include <cstdlib>

#include "cuda/check.h"
#include "cuda/elementwise.h"

namespace tunelab::cuda {

void throwCudaError(cudaError_t code, const char* call, const char* file, int line) {
  const std::string path = file;
  const std::string name = path.substr(path.find_last_of('/') + 1);
  throw CudaError(std::string("CUDA: ") + cudaGetErrorString(code) + " (" + cudaGetErrorName(code) + ") in " + call +
                  ", " + name + ":" + std::to_string(line) + ".");
}

namespace {

constexpr int leastMajor = 8;

std::string versionText(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// Fills `found`, or returns the reason why it cannot.
std::string probe(Device& found) {
  // The static runtime would report a missing driver as an old one.
  if (!dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL))
    return "No NVIDIA driver is installed: libcuda.so.1 was not found.";
  cudaRuntimeGetVersion(&found.runtimeVersion);
  cudaDriverGetVersion(&found.driverVersion);
  const cudaError_t counted = cudaGetDeviceCount(&found.count);
  if (counted == cudaErrorInsufficientDriver)
    return "The NVIDIA driver is too old: it supports CUDA " + versionText(found.driverVersion) +
           ", this backend needs " + versionText(found.runtimeVersion) + ".";
  if (counted == cudaErrorNoDevice || (counted == cudaSuccess && found.count == 0))
    return "The NVIDIA driver sees no GPU.";
  if (counted != cudaSuccess) return std::string("The NVIDIA driver does not start: ") + cudaGetErrorString(counted) + ".";

  if (const char* chosen = std::getenv("TUNELAB_CUDA_DEVICE")) {
    char* end = nullptr;
    const long index = std::strtol(chosen, &end, 10);
    if (end == chosen || *end || index < 0 || index >= found.count)
      return std::string("TUNELAB_CUDA_DEVICE is \"") + chosen + "\", expected 0 to " + std::to_string(found.count - 1) + ".";
    found.index = static_cast<int>(index);
  }
  cudaDeviceProp properties;
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, found.index); error != cudaSuccess)
    return std::string("The GPU does not answer: ") + cudaGetErrorString(error) + ".";
  found.name = properties.name;
  found.major = properties.major;
  found.minor = properties.minor;
  found.multiprocessors = properties.multiProcessorCount;
  found.totalMemory = properties.totalGlobalMem;
  if (found.major < leastMajor)
    return "The GPU " + found.name + " is too old: compute capability " + std::to_string(found.major) + "." +
           std::to_string(found.minor) + ", the CUDA backend needs 8.0 (Ampere, 2020) or later.";
  const auto start = [&] {
    cudaCheck(cudaSetDevice(found.index));
    cudaCheck(cudaStreamCreateWithFlags(&found.stream, cudaStreamNonBlocking));
    int pools = 0;
    cudaCheck(cudaDeviceGetAttribute(&pools, cudaDevAttrMemoryPoolsSupported, found.index));
    found.hasMemoryPools = pools != 0;
    return kernelImageError();
  };
  try {
    const cudaError_t image = start();
    if (image == cudaErrorNoKernelImageForDevice || image == cudaErrorInvalidDeviceFunction || image == cudaErrorUnsupportedPtxVersion) {
      cudaGetLastError();
      return "This addon has no code for the GPU " + found.name + " (compute capability " + std::to_string(found.major) + "." +
             std::to_string(found.minor) + "). Build it with \"npm run build:cuda\".";
    }
  } catch (const CudaError& error) {
    return "The GPU " + found.name + " cannot be used. " + error.what();
  }
  return "";
}

struct Found {
  Device device;
  std::string reason;
};

const Found& found() {
  static const Found* result = [] {
    auto* made = new Found();
    made->reason = probe(made->device);
    return made;
  }();
  return *result;
}

}  // namespace

const std::string& unavailable() { return found().reason; }

const Device& device() {
  const Found& result = found();
  if (!result.reason.empty()) throw CudaError(result.reason);
  return result.device;
}

void synchronize() { cudaCheck(cudaStreamSynchronize(stream())); }

}  // namespace tunelab::cuda
