// Causal attention, forward: blocks of query rows against all the keys that they see. Scores of one block stay in the
// cache (queryBlock x keys floats a thread) and are used as soon as they are made; nothing of size tokens x tokens is
// stored. Two GEMMs and a softmax a block; blocks of all heads and sequences are divided over the threads.
#include "cpu/attention.h"

#include <algorithm>
#include <cmath>

#include "cpu/vector_math.h"
#include "gemm.h"
#include "memory.h"
#include "parallel.h"

namespace tunelab {

namespace {

constexpr int64_t queryBlock = 64;

struct Block {
  const AttentionSequence* sequence;
  int64_t head, first, rows;
};

}  // namespace

float softmaxRow(float* row, int64_t seen, int64_t width) {
  float most = row[0];
#pragma omp simd reduction(max : most)
  for (int64_t i = 0; i < seen; i++) most = row[i] > most ? row[i] : most;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < seen; i++) {
    row[i] = fastExp(row[i] - most);
    sum += row[i];
  }
  const float scale = 1.0f / sum;
  for (int64_t i = 0; i < seen; i++) row[i] *= scale;
  std::fill(row + seen, row + width, 0.0f);
  return most + std::log(sum);
}

void attentionForward(const AttentionShape& shape, const std::vector<AttentionSequence>& sequences, const float* q,
                      int64_t strideQ, int64_t strideKv, float* out, int64_t strideOut, float* lse) {
  const int64_t dim = shape.headDim, group = shape.heads / shape.kvHeads;
  const float scale = 1.0f / std::sqrt(static_cast<float>(dim));
  std::vector<Block> blocks;
  int64_t longest = 0;
  for (const AttentionSequence& sequence : sequences) {
    longest = std::max(longest, sequence.keys);
    for (int64_t head = 0; head < shape.heads; head++)
      for (int64_t first = 0; first < sequence.queries; first += queryBlock)
        blocks.push_back({&sequence, head, first, std::min(queryBlock, sequence.queries - first)});
  }
  // Long blocks first, so that no thread is left with one at the end.
  std::stable_sort(blocks.begin(), blocks.end(), [](const Block& a, const Block& b) {
    return a.rows * (a.sequence->keys - a.sequence->queries + a.first) >
           b.rows * (b.sequence->keys - b.sequence->queries + b.first);
  });
  Scratch scores(threadCount() * queryBlock * longest);
  parallelTasks(static_cast<int64_t>(blocks.size()), [&](int64_t task, int thread) {
    const Block& block = blocks[static_cast<size_t>(task)];
    const AttentionSequence& sequence = *block.sequence;
    float* s = scores.data() + thread * queryBlock * longest;
    const int64_t before = sequence.keys - sequence.queries + block.first, width = before + block.rows;
    const int64_t kvColumn = block.head / group * dim, row = sequence.firstQuery + block.first;
    gemmSerial(Transpose::no, Transpose::yes, block.rows, width, dim, scale, q + row * strideQ + block.head * dim, strideQ,
               sequence.k + kvColumn, strideKv, 0, s, width);
    for (int64_t i = 0; i < block.rows; i++) {
      const float logSumExp = softmaxRow(s + i * width, before + i + 1, width);
      if (lse) lse[(row + i) * shape.heads + block.head] = logSumExp;
    }
    gemmSerial(Transpose::no, Transpose::no, block.rows, dim, width, 1, s, width, sequence.v + kvColumn, strideKv, 0,
               out + row * strideOut + block.head * dim, strideOut);
  });
}

}  // namespace tunelab
