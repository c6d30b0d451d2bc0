// Causal attention over packed sequences with grouped key/value heads. bf16 and f16 with head dims 64 and 128 run on the
// tensor cores (attention_forward.cu, attention_backward.cu), everything else in float32 arithmetic (attention_plain.cu).
#pragma once
#include <cstdint>

#include "cuda/dtype.h"
#include "cuda/rope.h"

namespace tunelab::cuda {

// Up to tileRows query rows of one sequence; blocks of the kernels work on one tile and one head.
constexpr int attentionTileRows = 64;
struct AttentionTile {
  // The first of the rows in q and out, and their number.
  int firstRow, rows;
  // Place of the first row among the sequence's keys, which start at row keyBase of k and v. Row i sees keys up to
  // offset + i.
  int offset, keyBase;
  // Keys of the sequence. Backward takes queries and keys to be the same rows.
  int length;
};

struct AttentionInputs {
  const void *q, *k, *v;
  // Rows are this many elements apart.
  int64_t strideQ, strideKv;
  Dtype dtype;
  QkvShape shape;
  const AttentionTile* tiles;
  int tileCount;
};

// out rows are `strideOut` apart; lse [rows, heads] receives log sum exp of the scaled scores (nullptr: not kept).
void attentionForward(const AttentionInputs& inputs, void* out, int64_t strideOut, float* lse);

// dq, dk and dv are laid out as q, k and v; delta [rows, heads] is working memory. Every sum has one writer and one order,
// so results are the same from run to run.
void attentionBackward(const AttentionInputs& inputs, const void* out, const void* dOut, int64_t strideOut, const float* lse,
                       float* delta, int64_t rows, void* dq, void* dk, void* dv);

// The paths that the two above choose between.
bool attentionUsesTensorCores(const AttentionInputs& inputs, int64_t strideOut);
void attentionForwardPlain(const AttentionInputs& inputs, void* out, int64_t strideOut, float* lse);
void attentionBackwardPlain(const AttentionInputs& inputs, const void* dOut, int64_t strideOut, const float* lse, const float* delta,
                            void* dq, void* dk, void* dv);

}  // namespace tunelab::cuda
