// Strided copies: what transpose, slice, concat, pad, tile and reverse come down to, for elements of one and four bytes.
#include <algorithm>
#include <cstring>

#include "cpu/tensor_rows.h"
#include "registrar.h"
#include "tensor_arguments.h"

namespace tunelab {

namespace {

template <typename T>
struct Side {
  Span<T> span;
  Strides strides;
};

// The last two axes in tiles. A tile is read along the source's rows and written along the target's: at strides of a
// power of two, its lines would otherwise push each other out of the cache.
template <typename T>
void copyPlane(const T* from, int64_t fromRow, int64_t fromColumn, T* to, int64_t toRow, int64_t toColumn, int64_t rows,
               int64_t columns) {
  constexpr int64_t edge = 32;
  T tile[edge][edge];
  for (int64_t r = 0; r < rows; r += edge) {
    for (int64_t c = 0; c < columns; c += edge) {
      const int64_t height = std::min(edge, rows - r), width = std::min(edge, columns - c);
      const T* source = from + r * fromRow + c * fromColumn;
      T* target = to + r * toRow + c * toColumn;
      for (int64_t j = 0; j < width; j++)
        for (int64_t i = 0; i < height; i++) tile[i][j] = source[i * fromRow + j * fromColumn];
      for (int64_t i = 0; i < height; i++)
        for (int64_t j = 0; j < width; j++) target[i * toRow + j * toColumn] = tile[i][j];
    }
  }
}

template <typename T>
void copyGrid(const Grid& grid, const Side<T>& from, const Side<T>& to) {
  const int last = grid.rank - 1;
  const int64_t fromStep = from.strides.step[last], toStep = to.strides.step[last];
  if (grid.rank > 1 && fromStep != toStep) {
    // One plane at a time, each of them a row of the grid without its last axis.
    Grid planes = grid;
    planes.rank--;
    eachRow(planes, [&](int64_t row, int64_t begin, int64_t end) {
      const int64_t fromRow = from.strides.step[last - 1], toRow = to.strides.step[last - 1];
      copyPlane(from.span.data + from.strides.rowStart(planes, row) + begin * fromRow, fromRow, fromStep,
                to.span.data + to.strides.rowStart(planes, row) + begin * toRow, toRow, toStep, end - begin,
                grid.inner());
    });
    return;
  }
  eachRow(grid, [&](int64_t row, int64_t begin, int64_t end) {
    const T* source = from.span.data + from.strides.rowStart(grid, row) + begin * fromStep;
    T* target = to.span.data + to.strides.rowStart(grid, row) + begin * toStep;
    if (fromStep == 1 && toStep == 1) {
      std::memcpy(target, source, (end - begin) * sizeof(T));
    } else {
      for (int64_t i = 0; i < end - begin; i++) target[i * toStep] = source[i * fromStep];
    }
  });
}

template <typename T>
Side<T> side(const Span<T>& span, const Napi::Value& strides, const Napi::Value& offset, const char* name,
             const Grid& grid) {
  return {span, stridesOf(strides, name, grid, span.size, integer(offset, "offset", 0, mostElements))};
}

// (from, stridesOfFrom, offsetInFrom, shape, to, stridesOfTo, offsetInTo); both arrays of one type.
Napi::Value copy(const Napi::CallbackInfo& info) {
  const Grid grid = gridOf(info[3]);
  withElements<float, int32_t, uint8_t>(info[0], "from", [&](auto sample) {
    using T = decltype(sample);
    copyGrid(grid, side(elements<T>(info[0], "from"), info[1], info[2], "the strides of from", grid),
             side(elements<T>(info[4], "to"), info[5], info[6], "the strides of to", grid));
  });
  return info.Env().Undefined();
}

}  // namespace

TUNELAB_OP(tensor, "copy", copy)

}  // namespace tunelab
