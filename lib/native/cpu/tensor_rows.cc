#include "cpu/tensor_rows.h"

#include <algorithm>

#include "parallel.h"

namespace tunelab {

void eachRow(const Grid& grid, const std::function<void(int64_t, int64_t, int64_t)>& body) {
  const int64_t inner = grid.inner(), rows = grid.rows();
  if (rows == 1) {
    parallelRanges(inner, tensorGrain, [&](int64_t begin, int64_t end, int) { body(0, begin, end); });
    return;
  }
  parallelRanges(rows, std::max<int64_t>(1, tensorGrain / inner), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++) body(row, 0, inner);
  });
}

}  // namespace tunelab
