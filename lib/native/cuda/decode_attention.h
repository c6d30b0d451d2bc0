// Attention of one new row a sequence over a cache of keys and values.
#pragma once
#include <cstdint>

#include "cuda/dtype.h"
#include "cuda/rope.h"

namespace tunelab::cuda {

// What the kernel is made for; other shapes go through attentionForward.
constexpr int64_t decodeMaxGroup = 8, decodeMaxDim = 256;
inline bool decodeFits(const QkvShape& shape) {
  return shape.heads / shape.kvHeads <= decodeMaxGroup && shape.headDim <= decodeMaxDim;
}

struct DecodeItem {
  // The row in q and out, the cache row where the sequence's keys start, and their number (the new one included).
  int row, keyBase, keys;
};

// Rows of q are `strideQ` apart, of the cache kvHeads * headDim. `longest` is the largest number of keys of an item.
void decodeAttention(const QkvShape& shape, const DecodeItem* items, int count, int longest, const void* q, int64_t strideQ, const void* k,
                     const void* v, Dtype dtype, void* out, int64_t strideOut);

// cacheK[targets[row]] and cacheV[targets[row]] = the k and v parts of row of qkv.
void appendToCache(const void* qkv, const QkvShape& shape, const int32_t* targets, int64_t rows, Dtype dtype, void* cacheK, void* cacheV);

}  // namespace tunelab::cuda
