// Attention of one new row a sequence over a cache of keys and values.
#pragma once
#include <cstdint>

#include "cuda/dtype.h"
#include "cuda/rope.h"

namespace tunelab::cuda {

// What the kernel is made for; other shapes go through attentionForward.
constexpr int64_t decodeMaxGroup = 8, decodeMaxDim = 256;
inline bool decodeFits(const QkvShape& shape, Dtype dtype) {
  // Heads are read 16 bytes at a time.
  const bool whole = shape.headDim * static_cast<int64_t>(sizeOf(dtype)) % 16 == 0;
  return whole && shape.heads / shape.kvHeads <= decodeMaxGroup && shape.headDim <= decodeMaxDim;
}

struct DecodeItem {
  // The row in qkv and out, the cache row where the sequence's keys start, and their number (the new one included).
  int row, keyBase, keys;
};

// Bytes of working memory for `count` items.
size_t decodeAttentionBytes(const QkvShape& shape, int count);

// out = attention of the items' rows over their keys; rows of qkv are `shape.width()` apart, of the cache
// kvHeads * headDim. With a rope table, the rows are rotated here (the new row stands at position keys - 1) and their keys
// and values appended; without (cosines nullptr), both was done before.
void decodeAttention(const QkvShape& shape, const DecodeItem* items, int count, const void* qkv, const RopeTable& rope, void* k, void* v,
                     Dtype dtype, void* out, int64_t strideOut, float* work);

// cacheK[targets[row]] and cacheV[targets[row]] = the k and v parts of row of qkv.
void appendToCache(const void* qkv, const QkvShape& shape, const int32_t* targets, int64_t rows, Dtype dtype, void* cacheK, void* cacheV);

}  // namespace tunelab::cuda
