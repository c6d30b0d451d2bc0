// The error that JavaScript tells from others by its code, TUNELAB_OUT_OF_MEMORY.
#pragma once
#include <stdexcept>

namespace tunelab {

struct OutOfMemory : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace tunelab
