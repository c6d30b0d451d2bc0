#pragma once
#include <string>

#include "arguments.h"
#include "cpu/blockwise8.h"

namespace tunelab {

inline Variant variantOf(const Napi::Value& value) {
  const std::string name = text(value, "variant");
  if (name != "cpu" && name != "cuda") refuse(value.Env(), "variant must be \"cpu\" or \"cuda\", not \"" + name + "\".");
  return name == "cpu" ? Variant::cpu : Variant::cuda;
}

}  // namespace tunelab
