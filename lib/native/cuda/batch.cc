#include "cuda/batch.h"

#include <algorithm>

#include "arguments.h"
#include "cuda/staging.h"

namespace tunelab::cuda {

static constexpr int32_t maxPosition = 1 << 20;

std::vector<AttentionTile> sequenceTiles(const std::vector<int32_t>& cuSeqlens) {
  std::vector<AttentionTile> tiles;
  for (size_t i = 0; i + 1 < cuSeqlens.size(); i++) {
    const int begin = cuSeqlens[i], length = cuSeqlens[i + 1] - begin;
    for (int first = 0; first < length; first += attentionTileRows)
      tiles.push_back({begin + first, std::min(attentionTileRows, length - first), first, begin, length});
  }
  std::stable_sort(tiles.begin(), tiles.end(), [](const AttentionTile& a, const AttentionTile& b) { return a.offset > b.offset; });
  return tiles;
}

std::shared_ptr<const PackedBatch> packedBatch(const Napi::Value& value, size_t rows) {
  Napi::Object given = object(value, "batch");
  const Span<int32_t> offsets = ints(given.Get("cuSeqlens"), "batch.cuSeqlens");
  const Span<int32_t> positions = ints(given.Get("positions"), "batch.positions", rows);
  static std::shared_ptr<const PackedBatch> last;
  const auto same = [](const std::vector<int32_t>& kept, const Span<int32_t>& span) {
    return kept.size() == span.size && std::equal(kept.begin(), kept.end(), span.data);
  };
  if (last && same(last->cuSeqlens, offsets) && same(last->positions, positions)) return last;

  auto batch = std::make_shared<PackedBatch>();
  batch->rows = static_cast<int64_t>(positions.size);
  batch->cuSeqlens.assign(offsets.data, offsets.data + offsets.size);
  batch->positions.assign(positions.data, positions.data + positions.size);
  if (offsets.size < 1 || offsets[0] != 0 || batch->cuSeqlens.back() != batch->rows)
    refuse(value.Env(), "batch.cuSeqlens must run from 0 to the number of rows, " + std::to_string(batch->rows) + ".");
  if (!std::is_sorted(batch->cuSeqlens.begin(), batch->cuSeqlens.end()))
    refuse(value.Env(), "batch.cuSeqlens must not decrease.");
  for (size_t i = 0; i < positions.size; i++) {
    if (positions[i] < 0 || positions[i] >= maxPosition)
      refuse(value.Env(), "batch.positions[" + std::to_string(i) + "] is " + std::to_string(positions[i]) + ", expected 0 to " +
                              std::to_string(maxPosition - 1) + ".");
    batch->lastPosition = std::max(batch->lastPosition, positions[i]);
  }
  for (size_t i = 0; i + 1 < offsets.size; i++) batch->longest = std::max(batch->longest, offsets[i + 1] - offsets[i]);
  const std::vector<AttentionTile> tiles = sequenceTiles(batch->cuSeqlens);
  batch->tileCount = static_cast<int>(tiles.size());
  batch->deviceTiles = uploadArray(tiles.data(), tiles.size());
  batch->devicePositions = uploadArray(batch->positions.data(), batch->positions.size());
  last = batch;
  return batch;
}

}  // namespace tunelab::cuda
