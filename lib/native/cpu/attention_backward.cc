// Causal attention, backward, after FlashAttention (Dao et al. 2022, algorithm 4): probabilities are made again from the
// scores and the kept log sum exp, so nothing of size tokens x tokens outlives a block.
//   P = exp(S - lse), dV += Pᵀ dO, dP = dO Vᵀ, dS = P (dP - rowsum(dO O)), dQ = dS K, dK += dSᵀ Q.
// One task a sequence and key/value head, so that dK and dV have one writer and the sums one order.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "cpu/attention.h"
#include "cpu/vector_math.h"
#include "gemm.h"
#include "memory.h"
#include "parallel.h"

namespace tunelab {

static constexpr int64_t queryBlock = 64;

static float dotProduct(const float* a, const float* b, int64_t count) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
  return sum;
}

void attentionBackward(const AttentionShape& shape, const std::vector<int64_t>& cuSeqlens, const float* qkv,
                       const float* out, const float* dOut, int64_t strideOut, const float* lse, float* dqkv) {
  const int64_t dim = shape.headDim, group = shape.heads / shape.kvHeads, sequences = static_cast<int64_t>(cuSeqlens.size()) - 1;
  const int64_t stride = (shape.heads + 2 * shape.kvHeads) * dim;
  const float scale = 1.0f / std::sqrt(static_cast<float>(dim));
  const auto length = [&](int64_t i) { return cuSeqlens[static_cast<size_t>(i) + 1] - cuSeqlens[static_cast<size_t>(i)]; };
  // Long sequences first, so that no thread is left with one at the end.
  std::vector<int64_t> order(static_cast<size_t>(sequences));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return length(a) > length(b); });
  const int64_t longest = sequences ? length(order[0]) : 0;
  Scratch work(threadCount() * 2 * queryBlock * longest);
  parallelTasks(sequences * shape.kvHeads, [&](int64_t task, int thread) {
    const int64_t sequence = order[static_cast<size_t>(task / shape.kvHeads)], kvHead = task % shape.kvHeads;
    const int64_t begin = cuSeqlens[static_cast<size_t>(sequence)], tokens = length(sequence);
    const int64_t kColumn = (shape.heads + kvHead) * dim, vColumn = kColumn + shape.kvHeads * dim;
    const float* k = qkv + begin * stride + kColumn;
    const float* v = qkv + begin * stride + vColumn;
    float* dk = dqkv + begin * stride + kColumn;
    float* dv = dqkv + begin * stride + vColumn;
    for (int64_t i = 0; i < tokens; i++) {
      std::fill_n(dk + i * stride, dim, 0.0f);
      std::fill_n(dv + i * stride, dim, 0.0f);
    }
    float* p = work.data() + thread * 2 * queryBlock * longest;
    float* ds = p + queryBlock * longest;
    for (int64_t head = kvHead * group; head < (kvHead + 1) * group; head++) {
      for (int64_t first = 0; first < tokens; first += queryBlock) {
        const int64_t rows = std::min(queryBlock, tokens - first), width = first + rows, row = begin + first;
        const float* q = qkv + row * stride + head * dim;
        const float* o = out + row * strideOut + head * dim;
        const float* dO = dOut + row * strideOut + head * dim;
        gemmSerial(Transpose::no, Transpose::yes, rows, width, dim, scale, q, stride, k, stride, 0, p, width);
        gemmSerial(Transpose::no, Transpose::yes, rows, width, dim, 1, dO, strideOut, v, stride, 0, ds, width);
        for (int64_t i = 0; i < rows; i++) {
          const int64_t seen = first + i + 1;
          float* __restrict pRow = p + i * width;
          float* __restrict dsRow = ds + i * width;
          const float logSumExp = lse[(row + i) * shape.heads + head];
          const float delta = dotProduct(dO + i * strideOut, o + i * strideOut, dim);
#pragma omp simd
          for (int64_t j = 0; j < seen; j++) {
            pRow[j] = fastExp(pRow[j] - logSumExp);
            dsRow[j] = pRow[j] * (dsRow[j] - delta) * scale;
          }
          std::fill(pRow + seen, pRow + width, 0.0f);
          std::fill(dsRow + seen, dsRow + width, 0.0f);
        }
        gemmSerial(Transpose::yes, Transpose::no, width, dim, rows, 1, p, width, dO, strideOut, 1, dv, stride);
        gemmSerial(Transpose::yes, Transpose::no, width, dim, rows, 1, ds, width, q, stride, 1, dk, stride);
        gemmSerial(Transpose::no, Transpose::no, rows, dim, width, 1, ds, width, k, stride, 0,
                   dqkv + row * stride + head * dim, stride);
      }
    }
  });
}

}  // namespace tunelab
