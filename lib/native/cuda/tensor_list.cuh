// Which tensor of a list a block works on.
#pragma once
#include <cstdint>

namespace tunelab::cuda {

// The last tensor whose firstBlock is not above `block`; the list ascends.
template <typename Tensor>
__device__ inline const Tensor& tensorOfBlock(const Tensor* tensors, int count, int64_t block) {
  int low = 0, high = count - 1;
  while (low < high) {
    const int middle = (low + high + 1) / 2;
    if (tensors[middle].firstBlock <= block)
      low = middle;
    else
      high = middle - 1;
  }
  return tensors[low];
}

}  // namespace tunelab::cuda
