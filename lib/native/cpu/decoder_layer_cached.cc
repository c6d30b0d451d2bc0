// Inference over a cache of keys and values. New rows of all sequences go through every product together; attention runs
// per sequence over what the cache holds. A single new row makes its query heads of one key head the rows of a product,
// so that keys and values are read once for all of them.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/decoder_layer.h"
#include "cpu/vector_math.h"
#include "gemm.h"
#include "parallel.h"
#include "registrar.h"

namespace tunelab {

namespace {

struct KvCache : HandleObject {
  static constexpr const char* kind = "key/value cache";
  int64_t kvWidth, sequences, capacity;
  // One pair a layer, [sequences, capacity, kvWidth]. Pages are touched as rows are written.
  std::vector<Scratch> keys, values;
};

// createKvCache(layers, kvHeads * headDim, sequences, capacity) -> handle
Napi::Value createKvCache(const Napi::CallbackInfo& info) {
  auto cache = std::make_unique<KvCache>();
  const int64_t layers = integer(info[0], "layers", 1, 1 << 12);
  cache->kvWidth = integer(info[1], "kvWidth", 1, 1 << 20);
  cache->sequences = integer(info[2], "sequences", 1, 1 << 16);
  cache->capacity = integer(info[3], "capacity", 1, 1 << 20);
  const int64_t elements = cache->sequences * cache->capacity * cache->kvWidth;
  for (int64_t layer = 0; layer < layers; layer++) {
    cache->keys.emplace_back(elements);
    cache->values.emplace_back(elements);
  }
  return makeHandle(info.Env(), std::move(cache));
}

// Attention of one new row a sequence.
void attendSingles(const AttentionShape& shape, const std::vector<AttentionSequence>& sequences, const float* q,
                   int64_t strideQ, int64_t strideKv, float* out, int64_t strideOut) {
  const int64_t dim = shape.headDim, group = shape.heads / shape.kvHeads;
  const float scale = 1.0f / std::sqrt(static_cast<float>(dim));
  int64_t longest = 0;
  for (const AttentionSequence& sequence : sequences) longest = std::max(longest, sequence.keys);
  Scratch scores(threadCount() * group * longest);
  parallelTasks(static_cast<int64_t>(sequences.size()) * shape.kvHeads, [&](int64_t task, int thread) {
    const AttentionSequence& sequence = sequences[static_cast<size_t>(task / shape.kvHeads)];
    const int64_t kvColumn = task % shape.kvHeads * dim, column = kvColumn * group, keys = sequence.keys;
    float* s = scores.data() + thread * group * longest;
    gemmSerial(Transpose::no, Transpose::yes, group, keys, dim, scale, q + sequence.firstQuery * strideQ + column, dim,
               sequence.k + kvColumn, strideKv, 0, s, keys);
    for (int64_t head = 0; head < group; head++) softmaxRow(s + head * keys, keys, keys);
    gemmSerial(Transpose::no, Transpose::no, group, dim, keys, 1, s, keys, sequence.v + kvColumn, strideKv, 0,
               out + sequence.firstQuery * strideOut + column, dim);
  });
}

// decoderLayerCached(layer, cache, layerIndex, x, y, batch, lengths)
Napi::Value cached(const Napi::CallbackInfo& info) {
  DecoderLayer& layer = fromHandle<DecoderLayer>(info[0]);
  layer.resolve();
  KvCache& cache = fromHandle<KvCache>(info[1]);
  const int64_t index = integer(info[2], "layerIndex", 0, static_cast<int64_t>(cache.keys.size()) - 1);
  const AttentionShape& shape = layer.shape;
  const int64_t qWidth = shape.heads * shape.headDim, kvWidth = shape.kvHeads * shape.headDim;
  if (cache.kvWidth != kvWidth)
    refuse(info.Env(), "The cache holds rows of " + std::to_string(cache.kvWidth) + " elements, the layer makes rows of " +
                           std::to_string(kvWidth) + ".");
  const Span<float> x = floats(info[3], "x"), y = floats(info[4], "y", x.size);
  if (x.size % static_cast<size_t>(layer.hiddenSize) != 0)
    refuse(info.Env(), "x has " + std::to_string(x.size) + " elements, expected rows of " +
                           std::to_string(layer.hiddenSize) + ".");
  const PackedBatch batch = packedBatch(info[5], static_cast<int64_t>(x.size) / layer.hiddenSize);
  const Span<int32_t> lengths = ints(info[6], "lengths", static_cast<size_t>(cache.sequences));
  if (static_cast<int64_t>(batch.cuSeqlens.size()) != cache.sequences + 1)
    refuse(info.Env(), "batch.cuSeqlens must have " + std::to_string(cache.sequences + 1) + " elements, one more than the cache's sequences.");
  for (size_t i = 0; i < lengths.size; i++)
    if (lengths[i] < 0 || lengths[i] + batch.cuSeqlens[i + 1] - batch.cuSeqlens[i] > cache.capacity)
      refuse(info.Env(), "Sequence " + std::to_string(i) + " holds " + std::to_string(lengths[i]) +
                             " tokens; its new ones do not fit the capacity of " + std::to_string(cache.capacity) + ".");

  LayerActivations work;
  layer.projectQkv(x.data, batch, {}, work);
  const int64_t stride = layer.qkvWidth();
  std::vector<AttentionSequence> singles, others;
  for (size_t i = 0; i < lengths.size; i++) {
    const int64_t first = batch.cuSeqlens[i], count = batch.cuSeqlens[i + 1] - first;
    if (count == 0) continue;
    const int64_t offset = static_cast<int64_t>(i) * cache.capacity * kvWidth;
    float* keys = cache.keys[static_cast<size_t>(index)].data() + offset;
    float* values = cache.values[static_cast<size_t>(index)].data() + offset;
    for (int64_t row = 0; row < count; row++) {
      const float* source = work.qkv.data() + (first + row) * stride + qWidth;
      const int64_t target = (lengths[i] + row) * kvWidth;
      std::memcpy(keys + target, source, sizeof(float) * static_cast<size_t>(kvWidth));
      std::memcpy(values + target, source + kvWidth, sizeof(float) * static_cast<size_t>(kvWidth));
    }
    (count == 1 ? singles : others).push_back({first, count, lengths[i] + count, keys, values});
  }
  attendSingles(shape, singles, work.qkv.data(), stride, kvWidth, work.attention.data(), layer.attentionStride());
  attentionForward(shape, others, work.qkv.data(), stride, kvWidth, work.attention.data(), layer.attentionStride(),
                   nullptr);
  layer.closeAttention(x.data, batch.rows, {}, work);
  layer.feedForward(batch.rows, {}, {}, work, y.data);
  return info.Env().Undefined();
}

TUNELAB_OP(cpu, "createKvCache", createKvCache)
TUNELAB_OP(cpu, "decoderLayerCached", cached)

}  // namespace

}  // namespace tunelab
