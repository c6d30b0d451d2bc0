// Projections as the decoding kernels take them.
#pragma once
#include <vector>

#include "cuda/decode_linear.h"
#include "cuda/projection.h"

namespace tunelab::cuda {

// At most decodeMembers projections of one input. A dense weight of another type gives a group that decodeLinearFits refuses.
DecodeGroup decodeGroup(const std::vector<const Projection*>& projections, Dtype dtype);

}  // namespace tunelab::cuda
