// Keys and values of past tokens.
#pragma once
#include <vector>

#include "cuda/memory.h"
#include "cuda/dtype.h"
#include "handle.h"

namespace tunelab::cuda {

// Where the rows of one step go; the same for all layers, so it is made once a step.
struct CacheStep {
  std::vector<int32_t> cuSeqlens, lengths;
  Block targets, tiles, items;
  int tileCount = 0, itemCount = 0;
};

struct KvCache : HandleObject {
  static constexpr const char* kind = "key/value cache";
  int64_t kvWidth = 0, sequences = 0, capacity = 0;
  // One pair a layer, [sequences, capacity, kvWidth], of the type of the activations, made at the first use.
  std::vector<Block> keys, values;
  Dtype dtype = Dtype::bf16;
  CacheStep step;
};

}  // namespace tunelab::cuda
