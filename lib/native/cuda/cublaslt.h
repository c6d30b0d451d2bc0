// The part of cuBLASLt's C interface that is used, declared here and found at run time: neither its headers nor the
// library are needed to build, and a machine without a GPU needs neither.
#pragma once
#include <cuda_runtime_api.h>
#include <library_types.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace tunelab::cuda::lt {

using Handle = struct OpaqueHandle*;
using MatmulDesc = struct OpaqueMatmulDesc*;
using MatrixLayout = struct OpaqueMatrixLayout*;
using Preference = struct OpaquePreference*;
using Status = int;  // 0: success
constexpr Status notSupported = 15;

enum ComputeType { compute32F = 68 };
enum Operation { opN = 0, opT = 1 };
enum DescAttribute { descTransA = 3, descTransB = 4 };
enum LayoutAttribute { layoutBatchCount = 5, layoutBatchStride = 6 };
enum PreferenceAttribute {
  preferWorkspace = 1,
  preferReduction = 3,
  preferAlignmentA = 5,
  preferAlignmentB = 6,
  preferAlignmentC = 7,
  preferAlignmentD = 8
};
enum ReductionScheme { reduceInComputeType = 2 };

struct Algo {
  uint64_t data[8];
};
struct HeuristicResult {
  Algo algo;
  size_t workspaceSize;
  Status state;
  float wavesCount;
  int reserved[4];
};

struct Library {
  std::string path;
  size_t version = 0;
  Handle handle = nullptr;

  Status (*create)(Handle*);
  size_t (*getVersion)();
  Status (*matmulDescCreate)(MatmulDesc*, ComputeType, cudaDataType_t scaleType);
  Status (*matmulDescDestroy)(MatmulDesc);
  Status (*matmulDescSetAttribute)(MatmulDesc, int attribute, const void* value, size_t bytes);
  Status (*matrixLayoutCreate)(MatrixLayout*, cudaDataType_t, uint64_t rows, uint64_t columns, int64_t leading);
  Status (*matrixLayoutDestroy)(MatrixLayout);
  Status (*matrixLayoutSetAttribute)(MatrixLayout, int attribute, const void* value, size_t bytes);
  Status (*preferenceCreate)(Preference*);
  Status (*preferenceDestroy)(Preference);
  Status (*preferenceSetAttribute)(Preference, int attribute, const void* value, size_t bytes);
  Status (*getHeuristic)(Handle, MatmulDesc, MatrixLayout a, MatrixLayout b, MatrixLayout c, MatrixLayout d, Preference,
                         int requested, HeuristicResult*, int* returned);
  Status (*matmul)(Handle, MatmulDesc, const void* alpha, const void* a, MatrixLayout, const void* b, MatrixLayout,
                   const void* beta, const void* c, MatrixLayout, void* d, MatrixLayout, const Algo*, void* workspace,
                   size_t workspaceBytes, cudaStream_t);
};

// Throws with every place looked at when there is no usable library.
const Library& library();
// The reason why library() would throw; empty when it would not.
const std::string& unavailable();

}  // namespace tunelab::cuda::lt
