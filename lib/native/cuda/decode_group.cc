#include "cuda/decode_group.h"

namespace tunelab::cuda {

DecodeGroup decodeGroup(const std::vector<const Projection*>& projections, Dtype dtype) {
  DecodeGroup group{};
  group.in = static_cast<int>(projections.front()->in);
  for (const Projection* projection : projections) {
    DecodeMember& to = group.members[group.count++];
    to.dense = projection->weight.dense(dtype);
    if (projection->weight.nf4()) to.codes = *projection->weight.nf4();
    to.bias = floatsOf(projection->bias);
    to.out = static_cast<int>(projection->out);
    group.out += to.out;
    if (!projection->lora) continue;
    to.a = floatsOf(projection->lora->a);
    to.b = floatsOf(projection->lora->b);
    to.rank = static_cast<int>(projection->lora->rank);
    to.rankOffset = group.rank;
    to.scaling = projection->lora->scaling;
    group.rank += to.rank;
  }
  return group;
}

}  // namespace tunelab::cuda
