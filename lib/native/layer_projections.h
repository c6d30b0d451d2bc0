// The seven projections of a decoder layer, and the groups of those that read the same input, for either backend.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "arguments.h"
#include "layer_geometry.h"

namespace tunelab {

template <typename Projection, typename Group>
class LayerProjections : public LayerGeometry {
 public:
  // Reads { geometry, projections: { q_proj, ... } }; every projection must have the sizes that the geometry asks for.
  explicit LayerProjections(const Napi::Value& layer) : LayerGeometry(layer) {
    Napi::Object given = object(object(layer, "layer").Get("projections"), "layer.projections");
    for (uint32_t i = 0; i < projectionCount; i++) {
      projections[i] = std::make_unique<Projection>(given.Get(projectionNames[i]), projectionNames[i], i);
      expect(layer.Env(), i, projections[i]->in, projections[i]->out);
    }
    qkv_ = group({qProj, kProj, vProj});
    o_ = group({oProj});
    gateUp_ = group({gateProj, upProj});
    down_ = group({downProj});
  }

  void setLora(const std::string& name, const Napi::Value& descriptor) {
    for (auto& projection : projections)
      if (projection->name == name) return projection->setLora(descriptor);
    refuse(descriptor.Env(), "Unknown projection \"" + name + "\" of a decoder layer.");
  }

  // Ranks of all projections: a saved state is only good for the ranks that it was made with.
  std::array<int64_t, projectionCount> ranks() const {
    std::array<int64_t, projectionCount> result{};
    for (size_t i = 0; i < projectionCount; i++) result[i] = projections[i]->lora ? projections[i]->lora->rank : 0;
    return result;
  }

  // Row stride of the attention output.
  int64_t attentionStride() const { return o_->stride(); }

  std::array<std::unique_ptr<Projection>, projectionCount> projections;

 protected:
  std::unique_ptr<Group> qkv_, o_, gateUp_, down_;

 private:
  std::unique_ptr<Group> group(const std::vector<ProjectionIndex>& indices) const {
    std::vector<Projection*> members;
    for (ProjectionIndex index : indices) members.push_back(projections[index].get());
    return std::make_unique<Group>(members);
  }
};

}  // namespace tunelab
