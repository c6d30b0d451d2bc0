// Strided copies: what transpose, slice, concat, pad, tile and reverse come down to.
#pragma once
#include "tensor_grid.h"

namespace tunelab::cuda {

// The grid of the walk, from its first operand to its second; elements of 1, 2 or 4 bytes, arrays aligned to 16.
void copyWalk(Walk<2> walk, const void* from, void* to, int elementBytes);

}  // namespace tunelab::cuda
