// The members of a group of projections that read the same input, and what either backend asks of all of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "cpu/dropout.h"

namespace tunelab {

template <typename Projection>
class ProjectionMembers {
 public:
  // Their inFeatures are equal; they outlive the group.
  explicit ProjectionMembers(std::vector<Projection*> members) : in(members.front()->in), members_(std::move(members)) {
    for (const Projection* member : members_) out += member->out;
  }

  // Sum of the LoRA ranks.
  int64_t rank() const {
    int64_t sum = 0;
    for (const Projection* member : members_) sum += member->lora ? member->lora->rank : 0;
    return sum;
  }

  const int64_t in;
  int64_t out = 0;

 protected:
  bool drops(const Dropout& dropout) const {
    return dropout.training &&
           std::any_of(members_.begin(), members_.end(), [](Projection* m) { return m->lora && m->lora->dropout > 0; });
  }

  std::vector<Projection*> members_;
};

}  // namespace tunelab
