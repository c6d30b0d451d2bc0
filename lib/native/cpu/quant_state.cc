#include "cpu/quant_state.h"

#include "arguments.h"

namespace tunelab {

Nf4Matrix nf4Matrix(const Napi::Object& state, int64_t elements, const std::string& name) {
  const auto field = [&](const char* key) { return name + "." + key; };
  Nf4Matrix matrix{};
  matrix.blockSize = integer(state.Get("blockSize"), field("blockSize").c_str(), 1, 1 << 20);
  const size_t blocks = static_cast<size_t>((elements + matrix.blockSize - 1) / matrix.blockSize);
  matrix.packed = bytes(state.Get("packed"), field("packed").c_str(), static_cast<size_t>((elements + 1) / 2)).data;
  matrix.code = floats(state.Get("code"), field("code").c_str(), 16).data;
  const Napi::Value absmax = state.Get("absmax");
  if (!absmax.IsTypedArray() || absmax.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    matrix.absmax = floats(absmax, field("absmax").c_str(), blocks).data;
    return matrix;
  }
  matrix.nestedBlockSize = integer(state.Get("nestedBlockSize"), field("nestedBlockSize").c_str(), 1, 1 << 20);
  const size_t nestedSize = static_cast<size_t>(matrix.nestedBlockSize);
  matrix.offset = static_cast<float>(number(state.Get("offset"), field("offset").c_str()));
  matrix.absmaxCodes = bytes(absmax, field("absmax").c_str(), blocks).data;
  matrix.nestedAbsmax =
      floats(state.Get("nestedAbsmax"), field("nestedAbsmax").c_str(), (blocks + nestedSize - 1) / nestedSize).data;
  matrix.nestedCode = floats(state.Get("nestedCode"), field("nestedCode").c_str(), 256).data;
  return matrix;
}

}  // namespace tunelab
