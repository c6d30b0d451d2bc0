// Products of a few bf16 or f16 rows with weights that are read once, for decoding: all projections of one input in a
// launch, with the norm before them, LoRA, bias, and the residual sum or SwiGLU behind them.
#pragma once
#include <cstdint>

#include "cuda/dtype.h"
#include "cuda/nf4.h"

namespace tunelab::cuda {

constexpr int decodeMembers = 3;

struct DecodeMember {
  // [out, in] in the type of the call, or nullptr: then `codes`.
  const void* dense;
  Nf4Matrix codes;
  const float* bias;
  int out;
  // LoRA pair (nullptr: none), and where its part of t begins.
  const float *a, *b;
  int rank, rankOffset;
  float scaling;
};
struct DecodeGroup {
  DecodeMember members[decodeMembers];
  int count, in, out, rank;
};

constexpr int64_t decodeMaxRows = 32;

struct DecodeCall {
  // bf16 or f16: the type of x, and of base and y unless `outputType` says f32.
  Dtype dtype;
  // [rows, in], `strideX` apart.
  const void* x;
  int64_t strideX;
  int64_t rows;
  // RMSNorm before the product; nullptr: none.
  const float* norm;
  float eps;
  // Working memory [rows, rank]; unused without LoRA.
  float* t;
  // Added to the result, laid out as y; nullptr: none. May be y.
  const void* base;
  // [rows, out], or [rows, out / 2] with swiglu: silu of the first member's outputs times the second's.
  void* y;
  int64_t strideY;
  Dtype outputType;
  bool swiglu;
  // Also writes t behind the `in` columns of x, and zeros behind t up to `strideX`, as backward passes expect them.
  bool keepT;
};

// Whether the kernel is made for the group's weights and the call's rows.
bool decodeLinearFits(const DecodeGroup& group, const DecodeCall& call);
void decodeLinear(const DecodeGroup& group, const DecodeCall& call);

}  // namespace tunelab::cuda
