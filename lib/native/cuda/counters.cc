#include "cuda/counters.h"

#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/memory.h"

namespace tunelab::cuda {

unsigned* counters() {
  static Block* block = [] {
    auto* made = new Block(counterCount * sizeof(unsigned), Owner::workspace);
    cudaCheck(cudaMemsetAsync(made->data(), 0, made->bytes(), stream()));
    return made;
  }();
  return block->as<unsigned>();
}

}  // namespace tunelab::cuda
