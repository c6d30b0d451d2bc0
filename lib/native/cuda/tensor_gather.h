// Rows by their indices, sums of rows by theirs, and ones at indices. An index that leads nowhere reads zeros, and what it
// would write is dropped.
#pragma once
#include <cstdint>

#include "tensor_grid.h"

namespace tunelab::cuda {

// Rows of `axis` in each of [batch, outer], of `rowBytes` bytes each; indices are [batch, count].
struct Rows {
  int64_t batch, outer, axis, count, rowBytes;
};
void gather(const Rows& rows, const void* from, const int32_t* indices, void* out);

// Places of `count` elements in a dense array of the grid's shape, by indices [count, rank]; -1 outside.
void flatIndices(const Grid& grid, const int32_t* indices, int32_t* out, int64_t count);

// out[s, :] is the sum of the rows x[i, :] with ids[i] = s, in the order of i; T is float or int32_t.
template <typename T>
void segmentSum(const T* x, const int32_t* ids, int64_t count, int64_t inner, int64_t segments, T* out);

// out [count, depth]: `on` where an index points, `off` elsewhere.
template <typename T>
void oneHot(const int32_t* indices, int64_t count, int64_t depth, double on, double off, T* out);

}  // namespace tunelab::cuda
