// What describes a decoder layer of the Qwen2/Llama family to either backend: its sizes, and the projections that have them.
#pragma once

#include <napi.h>

#include <cstdint>

namespace tunelab {

enum ProjectionIndex { qProj, kProj, vProj, oProj, gateProj, upProj, downProj, projectionCount };
extern const char* const projectionNames[projectionCount];

struct LayerGeometry {
  // Reads { geometry: { hiddenSize, intermediateSize, numHeads, numKvHeads, headDim, rmsNormEps, ropeTheta } }.
  explicit LayerGeometry(const Napi::Value& layer);

  // Refuses a projection that has other sizes in this layer.
  void expect(Napi::Env env, uint32_t projection, int64_t in, int64_t out) const;

  int64_t hiddenSize, intermediateSize;
  int64_t heads, kvHeads, headDim;
  float rmsNormEps;
  double ropeTheta;
};

}  // namespace tunelab
