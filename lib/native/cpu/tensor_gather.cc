// Rows by their indices, sums of rows by theirs, and ones at indices. An index that leads nowhere reads zeros, and what it
// would write is dropped: the GPU cannot throw, and both do the same.
#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/tensor_rows.h"
#include "parallel.h"
#include "registrar.h"
#include "tensor_arguments.h"
#include "tensor_reductions.h"

namespace tunelab {

namespace {

// (from, batch, outer, axis, inner, indices, out): out[b, o, i, :] = from[b, o, indices[b, i], :].
Napi::Value gather(const Napi::CallbackInfo& info) {
  const int64_t batch = integer(info[1], "batch", 1), outer = integer(info[2], "outer", 1, mostElements / batch);
  const int64_t axis = integer(info[3], "axis", 1, mostElements / batch / outer);
  const int64_t inner = integer(info[4], "inner", 1, mostElements / batch / outer / axis);
  const Span<int32_t> indices = ints(info[5], "indices");
  if (indices.size == 0 || indices.size % batch != 0) refuse(info.Env(), "indices must be the same number for every batch.");
  const int64_t count = indices.size / batch;
  withElements<float, int32_t, uint8_t>(info[0], "from", [&](auto sample) {
    using T = decltype(sample);
    const Span<T> from = elements<T>(info[0], "from", batch * outer * axis * inner);
    const Span<T> out = elements<T>(info[6], "out", batch * outer * count * inner);
    Grid grid;
    grid.rank = 2;
    grid.shape[0] = batch * outer * count;
    grid.shape[1] = inner;
    eachRow(grid, [&](int64_t row, int64_t begin, int64_t end) {
      const int64_t part = row / count, index = indices[part / outer * count + row % count];
      T* target = out.data + row * inner;
      if (index < 0 || index >= axis)
        std::fill(target + begin, target + end, T{});
      else
        std::memcpy(target + begin, from.data + (part * axis + index) * inner + begin, (end - begin) * sizeof(T));
    });
  });
  return info.Env().Undefined();
}

// (indices [n, depth], lengths [depth], out [n]): places in an array of these lengths, or -1.
Napi::Value flatIndices(const Napi::CallbackInfo& info) {
  const Grid grid = gridOf(info[1]);
  const Span<int32_t> out = ints(info[2], "out");
  const Span<int32_t> indices = ints(info[0], "indices", out.size * grid.rank);
  if (grid.size() > INT32_MAX) refuse(info.Env(), "lengths have 2^31 places or more.");
  parallelRanges(out.size, tensorGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; i++) out[i] = flatIndex(grid, indices.data + i * grid.rank);
  });
  return info.Env().Undefined();
}

// (x [n, inner], ids [n], inner, out [segments, inner]): out[s, :] is the sum of the rows whose id is s.
Napi::Value segmentSum(const Napi::CallbackInfo& info) {
  const Span<int32_t> ids = ints(info[1], "ids");
  const int64_t inner = integer(info[2], "inner", 1);
  withElements<float, int32_t>(info[0], "x", [&](auto sample) {
    using T = decltype(sample);
    using Sum = typename math::SumOf<T>::Partial;
    const Span<T> x = elements<T>(info[0], "x", ids.size * inner), out = elements<T>(info[3], "out");
    if (out.size % inner != 0) refuse(info.Env(), "out must consist of rows of inner elements.");
    const int64_t segments = out.size / inner;
    std::vector<Sum> sums(out.size);
    for (size_t i = 0; i < ids.size; i++) {
      if (ids[i] < 0 || ids[i] >= segments) continue;
      for (int64_t column = 0; column < inner; column++) sums[ids[i] * inner + column] += x[i * inner + column];
    }
    for (size_t i = 0; i < out.size; i++) out[i] = math::SumOf<T>::finish(sums[i], 0);
  });
  return info.Env().Undefined();
}

// (indices [n], on, off, out [n, depth]): `on` where an index points, `off` elsewhere.
Napi::Value oneHot(const Napi::CallbackInfo& info) {
  const Span<int32_t> indices = ints(info[0], "indices");
  const double on = number(info[1], "on"), off = number(info[2], "off");
  withElements<float, int32_t, math::Bool>(info[3], "out", [&](auto sample) {
    using T = decltype(sample);
    const Span<T> out = elements<T>(info[3], "out");
    if (indices.size == 0 || out.size % indices.size != 0) refuse(info.Env(), "out must have a row for every index.");
    const int64_t depth = out.size / indices.size;
    std::fill(out.data, out.data + out.size, math::stored<T>(off));
    for (size_t i = 0; i < indices.size; i++)
      if (indices[i] >= 0 && indices[i] < depth) out[i * depth + indices[i]] = math::stored<T>(on);
  });
  return info.Env().Undefined();
}

}  // namespace

TUNELAB_OP(tensor, "gather", gather)
TUNELAB_OP(tensor, "flatIndices", flatIndices)
TUNELAB_OP(tensor, "segmentSum", segmentSum)
TUNELAB_OP(tensor, "OneHot", oneHot)

}  // namespace tunelab
