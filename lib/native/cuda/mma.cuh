// Tensor-core building blocks for bf16 and f16: asynchronous copies of tiles into shared memory, fragments read by ldmatrix, and
// the product m16n8k16. Tiles are rows of `dim` elements whose 16-byte chunks are permuted by the row (chunk ^ row % 8), so
// that neither copies nor ldmatrix meet bank conflicts.
#pragma once
#include <type_traits>

#include "cuda/real.cuh"

namespace tunelab::cuda {

// Bytes of an element.
constexpr int halfBytes = 2;

template <int dim>
__device__ inline uint32_t tileAddress(uint32_t tile, int row, int chunk) {
  return tile + (row * dim + ((chunk ^ (row & 7)) * 8)) * halfBytes;
}

__device__ inline uint32_t sharedAddress(const void* pointer) { return static_cast<uint32_t>(__cvta_generic_to_shared(pointer)); }

// Rows [0, rows) of a matrix into a tile of `tileRows` rows, the others filled with zeros. All threads of the block.
template <int dim, int tileRows, int threads, typename T>
__device__ inline void copyTile(uint32_t tile, const T* source, int64_t stride, int rows) {
  constexpr int chunks = dim / 8;
#pragma unroll
  for (int i = threadIdx.x; i < tileRows * chunks; i += threads) {
    const int row = i / chunks, chunk = i % chunks;
    const bool present = row < rows;
    const T* from = source + (present ? row : 0) * stride + chunk * 8;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(tileAddress<dim>(tile, row, chunk)), "l"(from), "r"(present ? 16 : 0));
  }
}
__device__ inline void commitCopies() { asm volatile("cp.async.commit_group;\n"); }
template <int pending>
__device__ inline void waitCopies() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(pending));
}

// The 16 x 16 fragment of a left operand: rows from `row`, columns from 8 * chunk.
template <int dim>
__device__ inline void loadLeft(uint32_t (&a)[4], uint32_t tile, int row, int chunk) {
  const int lane = threadIdx.x % 32;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
               : "r"(tileAddress<dim>(tile, row + lane % 16, chunk + lane / 16)));
}
// Two right operands of 8 columns each, from a tile that holds the columns of the operand as rows:
// b[0..1] for tile rows row .. row + 7, b[2..3] for the next 8; their k runs over 16 elements from 8 * chunk.
template <int dim>
__device__ inline void loadRight(uint32_t (&b)[4], uint32_t tile, int row, int chunk) {
  const int lane = threadIdx.x % 32;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(b[0]), "=r"(b[1]), "=r"(b[2]), "=r"(b[3])
               : "r"(tileAddress<dim>(tile, row + lane % 8 + lane / 16 * 8, chunk + lane / 8 % 2)));
}
// The same from a tile that holds the operand as it is: k runs over tile rows row .. row + 15; b[0..1] for the 8 columns
// from 8 * chunk, b[2..3] for the next 8.
template <int dim>
__device__ inline void loadRightTransposed(uint32_t (&b)[4], uint32_t tile, int row, int chunk) {
  const int lane = threadIdx.x % 32;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(b[0]), "=r"(b[1]), "=r"(b[2]), "=r"(b[3])
               : "r"(tileAddress<dim>(tile, row + lane % 16, chunk + lane / 16)));
}

// c[16 x 8] += a[16 x 16] b[16 x 8]. Of c a thread holds (row lane / 4, columns lane % 4 * 2 + {0, 1}), then the same
// columns of the row 8 further on.
template <typename T>
__device__ inline void multiply(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if constexpr (std::is_same_v<T, bf16>)
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

template <typename T>
__device__ inline uint32_t packPair(float low, float high) {
  if constexpr (std::is_same_v<T, bf16>) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<const uint32_t*>(&pair);
  } else {
    const __half2 pair = __floats2half2_rn(low, high);
    return *reinterpret_cast<const uint32_t*>(&pair);
  }
}

// Two neighbouring accumulators of 8 columns each as the left operand of a product over those 16 columns.
template <typename T>
__device__ inline void asLeft(uint32_t (&a)[4], const float (&first)[4], const float (&second)[4]) {
  a[0] = packPair<T>(first[0], first[1]);
  a[1] = packPair<T>(first[2], first[3]);
  a[2] = packPair<T>(second[0], second[1]);
  a[3] = packPair<T>(second[2], second[3]);
}

}  // namespace tunelab::cuda
