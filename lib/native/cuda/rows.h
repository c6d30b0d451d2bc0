// Copies between matrices whose rows are `stride` elements apart, and the small matrices of LoRA.
#pragma once
#include <cstdint>

#include "cuda/dtype.h"

namespace tunelab::cuda {

void copyRows(const void* from, Dtype fromType, int64_t fromStride, void* to, Dtype toType, int64_t toStride, int64_t rows,
              int64_t width);

// to [rows, width] with stride: scaling * source [rows, rank] in columns [at, at + rank), zero elsewhere. source may be
// nullptr (all zero).
void loraColumns(const float* source, int64_t rows, int64_t rank, float scaling, void* to, Dtype dtype, int64_t stride,
                 int64_t width, int64_t at);

// What keeps and scales an input of one LoRA pair; see cpu/dropout.h for the mask.
struct DropoutMask {
  uint32_t key;
  float probability;
};
// to = from * mask, the mask's element being row * width + column.
void maskRows(const void* from, int64_t fromStride, void* to, int64_t toStride, Dtype dtype, int64_t rows, int64_t width,
              const DropoutMask& mask);
// to += from * mask
void addMaskedRows(const void* from, int64_t fromStride, void* to, int64_t toStride, Dtype dtype, int64_t rows, int64_t width,
                   const DropoutMask& mask);

}  // namespace tunelab::cuda
