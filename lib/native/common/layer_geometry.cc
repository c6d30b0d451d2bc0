#include "layer_geometry.h"

#include <string>

#include "arguments.h"

namespace tunelab {

const char* const projectionNames[projectionCount] = {"q_proj",    "k_proj",  "v_proj",   "o_proj",
                                                      "gate_proj", "up_proj", "down_proj"};

LayerGeometry::LayerGeometry(const Napi::Value& layer) {
  Napi::Object geometry = object(object(layer, "layer").Get("geometry"), "layer.geometry");
  const auto size = [&](const char* key) {
    return integer(geometry.Get(key), (std::string("geometry.") + key).c_str(), 1, 1 << 24);
  };
  hiddenSize = size("hiddenSize");
  intermediateSize = size("intermediateSize");
  heads = size("numHeads");
  kvHeads = size("numKvHeads");
  headDim = size("headDim");
  rmsNormEps = static_cast<float>(number(geometry.Get("rmsNormEps"), "geometry.rmsNormEps"));
  ropeTheta = number(geometry.Get("ropeTheta"), "geometry.ropeTheta");
  if (heads % kvHeads != 0) refuse(layer.Env(), "geometry.numHeads must be a multiple of numKvHeads.");
  if (headDim % 2 != 0) refuse(layer.Env(), "geometry.headDim must be even.");
  if (!(ropeTheta > 0)) refuse(layer.Env(), "geometry.ropeTheta must be positive.");
}

void LayerGeometry::expect(Napi::Env env, uint32_t projection, int64_t in, int64_t out) const {
  const int64_t qWidth = heads * headDim, kvWidth = kvHeads * headDim;
  const int64_t sizes[projectionCount][2] = {{hiddenSize, qWidth},           {hiddenSize, kvWidth},
                                             {hiddenSize, kvWidth},          {qWidth, hiddenSize},
                                             {hiddenSize, intermediateSize}, {hiddenSize, intermediateSize},
                                             {intermediateSize, hiddenSize}};
  const auto& [expectedIn, expectedOut] = sizes[projection];
  if (in == expectedIn && out == expectedOut) return;
  refuse(env, std::string(projectionNames[projection]) + " is [" + std::to_string(out) + ", " + std::to_string(in) +
                  "], the geometry asks for [" + std::to_string(expectedOut) + ", " + std::to_string(expectedIn) + "].");
}

}  // namespace tunelab
