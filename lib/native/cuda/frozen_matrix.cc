#include "cuda/frozen_matrix.h"

#include "cuda/embedding.h"
#include "cuda/rows.h"

namespace tunelab::cuda {

FrozenMatrix::FrozenMatrix(const Napi::Value& descriptor, int64_t out, int64_t in, const std::string& name) : out_(out), in_(in) {
  Napi::Object weight = object(descriptor, name.c_str());
  const std::string kind = text(weight.Get("kind"), (name + ".kind").c_str());
  const auto count = static_cast<size_t>(out * in);
  if (kind == "dense") {
    values_ = floatBufferOf(weight.Get("values"), (name + ".values").c_str(), count);
    return;
  }
  if (kind != "nf4") refuse(descriptor.Env(), name + ".kind must be \"nf4\" or \"dense\", not \"" + kind + "\".");
  Napi::Object state = object(weight.Get("state"), (name + ".state").c_str());
  const auto field = [&](const char* key) { return name + ".state." + key; };
  nf4_.blockSize = integer(state.Get("blockSize"), field("blockSize").c_str(), 1, 1 << 20);
  nf4_.blockShift = shiftOf(nf4_.blockSize);
  const size_t blocks = (count + static_cast<size_t>(nf4_.blockSize) - 1) / static_cast<size_t>(nf4_.blockSize);
  packed_ = bufferOf(state.Get("packed"), Dtype::u8, field("packed").c_str(), (count + 1) / 2);
  code_ = bufferOf(state.Get("code"), Dtype::f32, field("code").c_str(), 16);
  absmax_ = bufferOf(state.Get("absmax"), field("absmax").c_str(), blocks);
  nf4_.packed = static_cast<const uint8_t*>(packed_->data());
  nf4_.code = floatsOf(code_);
  if (absmax_->dtype == Dtype::f32) {
    nf4_.absmax = floatsOf(absmax_);
    return;
  }
  if (absmax_->dtype != Dtype::u8) refuse(descriptor.Env(), field("absmax") + " must be f32 or u8.");
  nf4_.nestedBlockSize = integer(state.Get("nestedBlockSize"), field("nestedBlockSize").c_str(), 1, 1 << 20);
  nf4_.nestedShift = shiftOf(nf4_.nestedBlockSize);
  nf4_.offset = static_cast<float>(number(state.Get("offset"), field("offset").c_str()));
  const size_t nestedBlocks = (blocks + static_cast<size_t>(nf4_.nestedBlockSize) - 1) / static_cast<size_t>(nf4_.nestedBlockSize);
  nestedAbsmax_ = bufferOf(state.Get("nestedAbsmax"), Dtype::f32, field("nestedAbsmax").c_str(), nestedBlocks);
  nestedCode_ = bufferOf(state.Get("nestedCode"), Dtype::f32, field("nestedCode").c_str(), 256);
  nf4_.absmaxCodes = static_cast<const uint8_t*>(absmax_->data());
  nf4_.nestedAbsmax = floatsOf(nestedAbsmax_);
  nf4_.nestedCode = floatsOf(nestedCode_);
}

const void* FrozenMatrix::dense(Dtype dtype) const { return values_ && values_->dtype == dtype ? values_->data() : nullptr; }

void FrozenMatrix::expand(void* target, Dtype dtype, int64_t stride) const {
  if (values_)
    copyRows(values_->data(), values_->dtype, in_, target, dtype, stride, out_, in_);
  else
    dequantizeNf4(nf4_, out_, in_, target, dtype, stride);
}

void FrozenMatrix::gather(const int32_t* ids, int64_t count, void* target, Dtype dtype) const {
  if (values_)
    embedding(ids, count, values_->data(), values_->dtype, in_, target, dtype);
  else
    gatherNf4(nf4_, ids, count, in_, target, dtype);
}

}  // namespace tunelab::cuda
