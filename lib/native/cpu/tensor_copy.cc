// Strided copies: what transpose, slice, concat, pad, tile and reverse come down to, for elements of one and four bytes.
#include <algorithm>
#include <cstring>

#include "cpu/tensor_layout.h"
#include "registrar.h"

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
  return {span, stridesOf(strides, name, grid, span.size, integer(offset, "offset"))};
}

// (from, stridesOfFrom, offsetInFrom, shape, to, stridesOfTo, offsetInTo); both arrays of one type.
Napi::Value copy(const Napi::CallbackInfo& info) {
  const Grid grid = gridOf(info[3]);
  const auto both = [&](auto read) {
    copyGrid(grid, side(read(info[0], "from", anySize), info[1], info[2], "the strides of from", grid),
             side(read(info[4], "to", anySize), info[5], info[6], "the strides of to", grid));
  };
  const napi_typedarray_type type = info[0].IsTypedArray() ? info[0].As<Napi::TypedArray>().TypedArrayType() : napi_int8_array;
  if (type == napi_uint8_array) both(bytes);
  else if (type == napi_int32_array) both(ints);
  else both(floats);
  return info.Env().Undefined();
}

// Rows of the middle axis: out[o, i, :] = from[o, indices[i], :]. (from, outer, axis, inner, indices, out)
// Returns whether every index was inside; out is undefined otherwise.
template <typename T>
bool gatherRows(const Span<T>& from, int64_t outer, int64_t axis, int64_t inner, const Span<int32_t>& indices,
                const Span<T>& out) {
  for (size_t i = 0; i < indices.size; i++)
    if (indices[i] < 0 || indices[i] >= axis) return false;
  Grid grid;
  grid.rank = 2;
  grid.shape = {outer * static_cast<int64_t>(indices.size), inner};
  eachRow(grid, [&](int64_t row, int64_t begin, int64_t end) {
    const int64_t o = row / indices.size, i = row % indices.size;
    std::memcpy(out.data + row * inner + begin, from.data + (o * axis + indices[i]) * inner + begin,
                (end - begin) * sizeof(T));
  });
  return true;
}

Napi::Value gather(const Napi::CallbackInfo& info) {
  const int64_t outer = integer(info[1], "outer", 1), axis = integer(info[2], "axis", 1);
  const int64_t inner = integer(info[3], "inner", 1);
  const Span<int32_t> indices = ints(info[4], "indices");
  const size_t given = outer * axis * inner, taken = outer * indices.size * inner;
  const bool inside =
      info[0].IsTypedArray() && info[0].As<Napi::TypedArray>().TypedArrayType() == napi_int32_array
          ? gatherRows(ints(info[0], "from", given), outer, axis, inner, indices, ints(info[5], "out", taken))
          : gatherRows(floats(info[0], "from", given), outer, axis, inner, indices, floats(info[5], "out", taken));
  return Napi::Boolean::New(info.Env(), inside);
}

}  // namespace

TUNELAB_OP(tensor, "copy", copy)
TUNELAB_OP(tensor, "gather", gather)

}  // namespace tunelab
