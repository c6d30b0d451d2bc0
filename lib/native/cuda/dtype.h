// Element types of device buffers.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tunelab::cuda {

enum class Dtype : uint8_t { f32, bf16, i32, u8 };
constexpr int dtypeCount = 4;
extern const char* const dtypeNames[dtypeCount];

constexpr size_t sizeOf(Dtype dtype) { return dtype == Dtype::bf16 ? 2 : dtype == Dtype::u8 ? 1 : 4; }

}  // namespace tunelab::cuda
