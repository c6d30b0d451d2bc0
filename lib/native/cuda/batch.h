// Rows of several sequences laid end to end, with what the kernels need of them on the device.
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "cuda/attention.h"
#include "cuda/memory.h"

namespace tunelab::cuda {

struct PackedBatch {
  int64_t rows = 0;
  // Largest position and longest sequence.
  int32_t lastPosition = 0, longest = 0;
  std::vector<int32_t> cuSeqlens, positions;
  Block devicePositions, deviceTiles;
  int tileCount = 0;
  const int32_t* positionData() const { return devicePositions.as<int32_t>(); }
  const AttentionTile* tiles() const { return deviceTiles.as<AttentionTile>(); }
};

// Reads { cuSeqlens, positions }, Int32Arrays on the host, for `rows` rows (anySize: as many as there are positions).
// The layers of a model get the same batch one after the other, so the last one is kept.
std::shared_ptr<const PackedBatch> packedBatch(const Napi::Value& value, size_t rows);

// Tiles of whole sequences, those that see most keys first.
std::vector<AttentionTile> sequenceTiles(const std::vector<int32_t>& cuSeqlens);

}  // namespace tunelab::cuda
