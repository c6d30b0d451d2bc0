// Element types of device buffers.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tunelab::cuda {

enum class Dtype : uint8_t { f32, bf16, f16, i32, u8 };
constexpr int dtypeCount = 5;
extern const char* const dtypeNames[dtypeCount];

// What the tensor cores multiply.
constexpr bool isHalf(Dtype dtype) { return dtype == Dtype::bf16 || dtype == Dtype::f16; }
constexpr bool isReal(Dtype dtype) { return dtype == Dtype::f32 || isHalf(dtype); }
constexpr size_t sizeOf(Dtype dtype) { return isHalf(dtype) ? 2 : dtype == Dtype::u8 ? 1 : 4; }

}  // namespace tunelab::cuda
