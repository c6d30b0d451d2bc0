// Products of a few rows with NF4 weights, which are read once as they lie, never expanded: in float32, and in bf16 or f16 of
// shapes that decode_linear.h has no kernel for.
#pragma once
#include <cstdint>

#include "cuda/dtype.h"
#include "cuda/nf4.h"

namespace tunelab::cuda {

constexpr int gemvMembers = 3;
constexpr int64_t gemvMaxRows = 4;

struct GemvMember {
  Nf4Matrix weight;
  int out;
  // LoRA pair (nullptr: none), and where its part of t begins.
  const float *a, *b;
  int rank, rankOffset;
  float scaling;
};
struct GemvGroup {
  GemvMember members[gemvMembers];
  int count, in, out, rank;
};

// y [rows, out] = base + x Wᵀ + LoRA, the members' outputs side by side; base (nullptr: 0) may be y. Rows of x are `strideX`
// apart, with room behind `in` columns for t = x Aᵀ; t [rows, rank] is working memory. 1 to gemvMaxRows rows.
void gemvNf4(const GemvGroup& group, void* x, int64_t strideX, Dtype dtype, int64_t rows, float* t, const void* base, void* y,
             Dtype outputType);
// Whether the shape fits the kernel.
bool gemvFits(const GemvGroup& group, const void* x, int64_t strideX, Dtype dtype, int64_t rows);

}  // namespace tunelab::cuda
