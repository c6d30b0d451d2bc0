// Failed CUDA calls as C++ exceptions that name their place; the border turns them into JavaScript errors.
#pragma once
#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

namespace tunelab::cuda {

struct CudaError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void throwCudaError(cudaError_t code, const char* call, const char* file, int line);

}  // namespace tunelab::cuda

#define cudaCheck(call)                                                                              \
  do {                                                                                               \
    const cudaError_t cudaCheckCode = (call);                                                        \
    if (cudaCheckCode != cudaSuccess)                                                                \
      ::tunelab::cuda::throwCudaError(cudaCheckCode, #call, __FILE__, __LINE__);                     \
  } while (0)

// After every kernel launch: a launch reports its own errors only through the last error.
#define cudaCheckLaunch() cudaCheck(cudaGetLastError())
