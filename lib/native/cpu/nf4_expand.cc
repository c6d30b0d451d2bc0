// NF4 to float32: one table look-up and one multiplication an element, the second quantisation of the scales undone on
// the way (absmax = map[code] * nestedAbsmax + offset, two roundings as in bitsandbytes.functional.dequantize_4bit).
#include <algorithm>

#include "cpu/nf4.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace tunelab {

float Nf4Matrix::scale(int64_t block) const {
  if (!absmaxCodes) return absmax[block];
  const float product = nestedCode[absmaxCodes[block]] * nestedAbsmax[block / nestedBlockSize];
  return product + offset;
}

// Elements [begin, end) of one block.
static void expandRun(const Nf4Matrix& matrix, int64_t begin, int64_t end, float scale, float* out) {
  const uint8_t* packed = matrix.packed;
  int64_t i = begin;
  if (i < end && (i & 1)) {
    *out++ = matrix.code[packed[i >> 1] & 15] * scale;
    i++;
  }
#if defined(__AVX2__)
  const __m256 low = _mm256_loadu_ps(matrix.code), high = _mm256_loadu_ps(matrix.code + 8);
  const __m256 scales = _mm256_set1_ps(scale);
  const __m128i nibble = _mm_set1_epi8(15);
  const auto look = [&](__m128i codes) {
    const __m256i index = _mm256_cvtepu8_epi32(codes);
    // Bit 3 of the code, moved to the sign bit, chooses the half of the table.
    const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(index, 28));
    const __m256 value =
        _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, index), _mm256_permutevar8x32_ps(high, index), upper);
    return _mm256_mul_ps(value, scales);
  };
  for (; i + 16 <= end; i += 16, out += 16) {
    const __m128i pairs = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(packed + (i >> 1)));
    const __m128i codes =
        _mm_unpacklo_epi8(_mm_and_si128(_mm_srli_epi16(pairs, 4), nibble), _mm_and_si128(pairs, nibble));
    _mm256_storeu_ps(out, look(codes));
    _mm256_storeu_ps(out + 8, look(_mm_srli_si128(codes, 8)));
  }
#endif
  for (; i + 2 <= end; i += 2, out += 2) {
    out[0] = matrix.code[packed[i >> 1] >> 4] * scale;
    out[1] = matrix.code[packed[i >> 1] & 15] * scale;
  }
  if (i < end) *out = matrix.code[packed[i >> 1] >> 4] * scale;
}

void dequantizeNf4Range(const Nf4Matrix& matrix, int64_t begin, int64_t end, float* out) {
  for (int64_t i = begin; i < end;) {
    const int64_t block = i / matrix.blockSize;
    const int64_t stop = std::min(end, (block + 1) * matrix.blockSize);
    expandRun(matrix, i, stop, matrix.scale(block), out);
    out += stop - i;
    i = stop;
  }
}

}  // namespace tunelab
