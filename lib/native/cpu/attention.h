// Causal attention over packed sequences with grouped key/value heads.
#pragma once
#include <cstdint>
#include <vector>

namespace tunelab {

struct AttentionShape {
  int64_t heads, kvHeads, headDim;
};

// One sequence's rows: `queries` new rows starting at `firstQuery` of q and out, the last of which sees all `keys` rows
// of k and v, the one before all but one, and so on.
struct AttentionSequence {
  int64_t firstQuery, queries, keys;
  const float* k;
  const float* v;
};

// Turns the `seen` first scores of a row into probabilities, the rest of the row's `width` into zeros. Returns log sum exp.
float softmaxRow(float* row, int64_t seen, int64_t width);

// q [rows, heads * headDim] with row stride strideQ; k and v of each sequence [keys, kvHeads * headDim] with row stride
// strideKv. out has row stride strideOut. lse [rows, heads] receives log sum exp of the scaled scores (nullptr: not kept).
void attentionForward(const AttentionShape& shape, const std::vector<AttentionSequence>& sequences, const float* q,
                      int64_t strideQ, int64_t strideKv, float* out, int64_t strideOut, float* lse);

// One layout for q, k, v and their gradients: rows of `stride`, q first, then k, then v. Self-attention of whole
// sequences [cuSeqlens[i], cuSeqlens[i + 1]). dqkv is overwritten.
void attentionBackward(const AttentionShape& shape, const std::vector<int64_t>& cuSeqlens, const float* qkv,
                       const float* out, const float* dOut, int64_t strideOut, const float* lse, float* dqkv);

}  // namespace tunelab
