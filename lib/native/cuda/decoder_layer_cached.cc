// Inference over a cache of keys and values. New rows of all sequences go through every product together; single new rows
// attend by the split-K kernel, several at once by the training kernel. Nothing waits for the GPU.
#include <vector>

#include "cuda/decode_attention.h"
#include "cuda/decoder_layer.h"
#include "cuda/kv_cache.h"
#include "cuda/staging.h"
#include "registrar.h"

namespace tunelab::cuda {

namespace {

// createKvCache(layers, kvHeads * headDim, sequences, capacity) -> handle
Napi::Value createKvCache(const Napi::CallbackInfo& info) {
  auto cache = std::make_unique<KvCache>();
  const int64_t layers = integer(info[0], "layers", 1, 1 << 12);
  cache->kvWidth = integer(info[1], "kvWidth", 1, 1 << 20);
  cache->sequences = integer(info[2], "sequences", 1, 1 << 16);
  cache->capacity = integer(info[3], "capacity", 1, 1 << 20);
  if (cache->sequences * cache->capacity > INT32_MAX) refuse(info.Env(), "The cache has more rows than 2^31 - 1.");
  cache->keys.resize(static_cast<size_t>(layers));
  cache->values.resize(static_cast<size_t>(layers));
  return makeHandle(info.Env(), std::move(cache));
}

void prepareStep(KvCache& cache, const PackedBatch& batch, const Span<int32_t>& lengths, bool split) {
  CacheStep& step = cache.step;
  const std::vector<int32_t> given(lengths.data, lengths.data + lengths.size);
  if (step.cuSeqlens == batch.cuSeqlens && step.lengths == given) return;
  step.cuSeqlens = batch.cuSeqlens;
  step.lengths = given;
  std::vector<int32_t> targets;
  std::vector<AttentionTile> tiles;
  std::vector<DecodeItem> items;
  for (size_t i = 0; i < given.size(); i++) {
    const int begin = batch.cuSeqlens[i], count = batch.cuSeqlens[i + 1] - begin, base = static_cast<int>(static_cast<int64_t>(i) * cache.capacity);
    for (int row = 0; row < count; row++) targets.push_back(base + given[i] + row);
    if (count == 1 && split) {
      items.push_back({begin, base, given[i] + 1});
    } else {
      for (int first = 0; first < count; first += attentionTileRows)
        tiles.push_back({begin + first, std::min(attentionTileRows, count - first), given[i] + first, base, given[i] + count});
    }
  }
  step.tileCount = static_cast<int>(tiles.size());
  step.itemCount = static_cast<int>(items.size());
  step.targets = uploadArray(targets.data(), targets.size());
  step.tiles = uploadArray(tiles.data(), tiles.size());
  step.items = uploadArray(items.data(), items.size());
}

// decoderLayerCached(layer, cache, layerIndex, x, y, batch, lengths Int32Array)
Napi::Value cached(const Napi::CallbackInfo& info) {
  DecoderLayer& layer = fromHandle<DecoderLayer>(info[0]);
  KvCache& cache = fromHandle<KvCache>(info[1]);
  const auto index = static_cast<size_t>(integer(info[2], "layerIndex", 0, static_cast<int64_t>(cache.keys.size()) - 1));
  const QkvShape& shape = layer.shape;
  const int64_t kvWidth = shape.kvHeads * shape.headDim;
  if (cache.kvWidth != kvWidth)
    refuse(info.Env(), "The cache holds rows of " + std::to_string(cache.kvWidth) + " elements, the layer makes rows of " +
                           std::to_string(kvWidth) + ".");
  const StoragePtr x = floatBufferOf(info[3], "x"), y = bufferOf(info[4], x->dtype, "y", x->length);
  const Dtype dtype = x->dtype;
  if (x->length % static_cast<size_t>(layer.hiddenSize) != 0)
    refuse(info.Env(), "x has " + std::to_string(x->length) + " elements, expected rows of " + std::to_string(layer.hiddenSize) + ".");
  const auto batch = packedBatch(info[5], x->length / static_cast<size_t>(layer.hiddenSize));
  const Span<int32_t> lengths = ints(info[6], "lengths", static_cast<size_t>(cache.sequences));
  if (static_cast<int64_t>(batch->cuSeqlens.size()) != cache.sequences + 1)
    refuse(info.Env(), "batch.cuSeqlens must have " + std::to_string(cache.sequences + 1) + " elements, one more than the cache's sequences.");
  for (size_t i = 0; i < lengths.size; i++)
    if (lengths[i] < 0 || lengths[i] + batch->cuSeqlens[i + 1] - batch->cuSeqlens[i] > cache.capacity)
      refuse(info.Env(), "Sequence " + std::to_string(i) + " holds " + std::to_string(lengths[i]) +
                             " tokens; its new ones do not fit the capacity of " + std::to_string(cache.capacity) + ".");
  Block &keys = cache.keys[index], &values = cache.values[index];
  if (!keys) {
    const auto bytes = static_cast<size_t>(cache.sequences * cache.capacity * kvWidth) * sizeOf(dtype);
    keys = Block(bytes, Owner::cache);
    values = Block(bytes, Owner::cache);
    cache.dtype = dtype;
  }
  if (cache.dtype != dtype) refuse(info.Env(), "The cache was filled with another type than that of x.");

  prepareStep(cache, *batch, lengths, decodeFits(shape, dtype));
  const CacheStep& step = cache.step;
  LayerActivations work;
  layer.projectQkv(x->data(), dtype, *batch, {}, work);
  appendToCache(work.qkv.data(), shape, step.targets.as<int32_t>(), batch->rows, dtype, keys.data(), values.data());
  const Block partial(decodeAttentionBytes(shape, step.itemCount), Owner::workspace);
  decodeAttention(shape, step.items.as<DecodeItem>(), step.itemCount, work.qkv.data(), {}, keys.data(), values.data(), dtype,
                  work.attention.data(), layer.attentionStride(), partial.as<float>());
  const AttentionInputs inputs{work.qkv.data(), keys.data(), values.data(), shape.width(), kvWidth, dtype, shape,
                               step.tiles.as<AttentionTile>(), step.tileCount};
  attentionForward(inputs, work.attention.data(), layer.attentionStride(), nullptr);
  layer.closeAttention(x->data(), dtype, batch->rows, {}, work);
  layer.feedForward(dtype, batch->rows, {}, {}, work, y->data());
  return info.Env().Undefined();
}

TUNELAB_OP(cuda, "createKvCache", createKvCache)
TUNELAB_OP(cuda, "decoderLayerCached", cached)

}  // namespace

}  // namespace tunelab::cuda
