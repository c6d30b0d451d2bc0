// cuBLASLt behind a cache: descriptors and the algorithm that its heuristics choose are kept for each shape.
#include "cuda/gemm.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "cuda/check.h"
#include "cuda/cublaslt.h"
#include "cuda/device.h"
#include "cuda/memory.h"

namespace tunelab::cuda {

namespace {

constexpr size_t workspaceBytes = size_t{64} << 20;
constexpr size_t mostPlans = 4096;

void check(lt::Status status, const char* what) {
  if (status != 0) throw CudaError(std::string("cuBLASLt: ") + what + " failed with status " + std::to_string(status) + ".");
}

cudaDataType_t typeOf(Dtype dtype) {
  if (dtype == Dtype::f32) return CUDA_R_32F;
  if (dtype == Dtype::bf16) return CUDA_R_16BF;
  if (dtype == Dtype::f16) return CUDA_R_16F;
  throw CudaError("Matrix products take f32, bf16 or f16 buffers only.");
}

uint32_t alignmentOf(const void* pointer) {
  uint32_t alignment = 256;
  while (reinterpret_cast<uintptr_t>(pointer) % alignment) alignment /= 2;
  return alignment;
}

// cuBLASLt is column-major: it computes dT = op(b)T op(a)T, with b as its first operand.
struct Key {
  bool transposeA, transposeB, readsC;
  Dtype input, output;
  int64_t m, n, k, strideA, strideB, strideD;
  uint32_t alignA, alignB, alignD;
  Batch batch;
  auto tie() const {
    return std::tie(transposeA, transposeB, readsC, input, output, m, n, k, strideA, strideB, strideD, alignA, alignB, alignD,
                    batch.count, batch.strideA, batch.strideB, batch.strideD);
  }
  bool operator<(const Key& other) const { return tie() < other.tie(); }
};

struct Plan {
  lt::MatmulDesc desc = nullptr;
  lt::MatrixLayout first = nullptr, second = nullptr, result = nullptr;
  // Absent: cuBLASLt has no kernel for this shape.
  std::optional<lt::Algo> algo;

  explicit Plan(const Key& key) {
    const lt::Library& lib = lt::library();
    check(lib.matmulDescCreate(&desc, lt::compute32F, CUDA_R_32F), "creating a product");
    const int32_t opFirst = key.transposeB ? lt::opT : lt::opN, opSecond = key.transposeA ? lt::opT : lt::opN;
    check(lib.matmulDescSetAttribute(desc, lt::descTransA, &opFirst, sizeof opFirst), "setting a transposition");
    check(lib.matmulDescSetAttribute(desc, lt::descTransB, &opSecond, sizeof opSecond), "setting a transposition");
    const auto layout = [&](lt::MatrixLayout* to, Dtype type, int64_t rows, int64_t columns, int64_t stride, int64_t next) {
      check(lib.matrixLayoutCreate(to, typeOf(type), static_cast<uint64_t>(rows), static_cast<uint64_t>(columns), stride),
            "describing a matrix");
      if (key.batch.count == 1) return;
      const int32_t count = static_cast<int32_t>(key.batch.count);
      check(lib.matrixLayoutSetAttribute(*to, lt::layoutBatchCount, &count, sizeof count), "describing a batch");
      check(lib.matrixLayoutSetAttribute(*to, lt::layoutBatchStride, &next, sizeof next), "describing a batch");
    };
    layout(&first, key.input, key.transposeB ? key.k : key.n, key.transposeB ? key.n : key.k, key.strideB, key.batch.strideB);
    layout(&second, key.input, key.transposeA ? key.m : key.k, key.transposeA ? key.k : key.m, key.strideA, key.batch.strideA);
    layout(&result, key.output, key.n, key.m, key.strideD, key.batch.strideD);
    lt::Preference preference;
    check(lib.preferenceCreate(&preference), "creating preferences");
    const auto prefer = [&](int attribute, const auto& value) {
      check(lib.preferenceSetAttribute(preference, attribute, &value, sizeof value), "setting a preference");
    };
    prefer(lt::preferWorkspace, workspaceBytes);
    // Partial sums of a product that is split along k: in f16 they could overflow where the whole sum does not.
    if (key.output == Dtype::f16) prefer(lt::preferReduction, uint32_t{lt::reduceInComputeType});
    prefer(lt::preferAlignmentA, key.alignB);
    prefer(lt::preferAlignmentB, key.alignA);
    prefer(lt::preferAlignmentC, key.alignD);
    prefer(lt::preferAlignmentD, key.alignD);
    lt::HeuristicResult best;
    int found = 0;
    const lt::Status status = lib.getHeuristic(lib.handle, desc, first, second, result, result, preference, 1, &best, &found);
    lib.preferenceDestroy(preference);
    if (status != lt::notSupported) check(status, "choosing an algorithm");
    if (status == 0 && found > 0) algo = best.algo;
  }
  ~Plan() {
    const lt::Library& lib = lt::library();
    for (lt::MatrixLayout layout : {first, second, result})
      if (layout) lib.matrixLayoutDestroy(layout);
    if (desc) lib.matmulDescDestroy(desc);
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
};

const Plan& planFor(const Key& key) {
  static auto* plans = new std::map<Key, Plan>();
  const auto found = plans->find(key);
  if (found != plans->end()) return found->second;
  if (plans->size() >= mostPlans) plans->clear();
  return plans->try_emplace(key, key).first->second;
}

void* workspace() {
  static auto* block = new Block(workspaceBytes, Owner::workspace);
  return block->data();
}

}  // namespace

void gemm(Transpose transposeA, Transpose transposeB, int64_t m, int64_t n, int64_t k, float alpha, const Matrix& a,
          const Matrix& b, float beta, const void* c, const Output& d, const Batch& batch) {
  if (m <= 0 || n <= 0) return;
  if (a.dtype != b.dtype || (d.dtype != a.dtype && d.dtype != Dtype::f32))
    throw CudaError("A matrix product's operands must have one type, and its result that type or f32.");
  if (beta == 0) c = d.data;
  const Key key{transposeA == Transpose::yes, transposeB == Transpose::yes, beta != 0, a.dtype, d.dtype, m, n, k,
                a.stride, b.stride, d.stride, alignmentOf(a.data), alignmentOf(b.data),
                std::min(alignmentOf(c), alignmentOf(d.data)), batch};
  const Plan& plan = planFor(key);
  if (!plan.algo) {
    gemmPlain(transposeA, transposeB, m, n, k, alpha, a, b, beta, c, d, batch);
    return;
  }
  const lt::Library& lib = lt::library();
  check(lib.matmul(lib.handle, plan.desc, &alpha, b.data, plan.first, a.data, plan.second, &beta, c, plan.result, d.data,
                   plan.result, &*plan.algo, workspace(), workspaceBytes, stream()),
        "a product");
}

}  // namespace tunelab::cuda
