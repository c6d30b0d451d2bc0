// How a warp goes through its share of a weight: some columns of 16 rows after 16 rows ("tiles"), multiplied with up to 8
// rows of x by the tensor cores. Columns are dealt to lanes in the order in which they lie in memory: a sum does not care.
// Of a product's 16 x 8 results a lane holds (row lane / 4, x rows lane % 4 * 2 + {0, 1}), then the same of the row 8 further
// on. Weights do not depend on other kernels, so `begin` may be called before dependencyWait. T is bf16 or f16: the type of x
// and of dense weights.
#pragma once
#include "cuda/decode_linear.h"
#include "cuda/mma.cuh"

namespace tunelab::cuda {

constexpr int decodeWarps = 7, tileRows = 16, rowsAtOnce = 8;

// bitsandbytes' code times this is nearest to numbers of type T. Rounding the 14 magnitudes of NF4 costs 6.8e-4 of their norm
// in bf16 (1.2e-3 as they are; a weight rounded to bf16 loses as much), 6.9e-5 in f16 (1.8e-4). Found by search over [1, 2).
template <typename T>
constexpr float codeScale = std::is_same_v<T, bf16> ? 1.4368531227111816f : 1.677675724029541f;

// What does not change from tile to tile.
template <typename T>
struct Share {
  const DecodeGroup& group;
  bool swiglu;
  // Tiles of this block: tile, tile + stride, ... below count.
  int count, stride;
  int rows;
  // The address in shared memory of the rows of x, `strideShared` bytes apart; 0: they come with the weights, from `from`.
  uint32_t x, strideShared;
  const T* from;
  int strideFrom;
};

// Where the two halves of a tile lie: 16 rows of one member, or the same 8 rows of gate and up.
struct TilePlace {
  int member[2], first[2];
  template <typename T>
  __device__ TilePlace(const Share<T>& share, int tile) {
    int m = 0;
    if (!share.swiglu)
      for (; m < share.group.count - 1; m++) {
        const int blocks = (share.group.members[m].out + tileRows - 1) / tileRows;
        if (tile < blocks) break;
        tile -= blocks;
      }
#pragma unroll
    for (int half = 0; half < 2; half++) {
      member[half] = share.swiglu ? half : m;
      first[half] = share.swiglu ? tile * 8 : tile * tileRows + 8 * half;
    }
  }
  // Row `r` of a half, clamped to the matrix.
  template <typename T>
  __device__ int64_t row(const Share<T>& share, int half, int r) const { return min(first[half] + r, share.group.members[member[half]].out - 1); }
};

// sum += a b, as `multiply`, which the compiler may move: nothing but registers is touched.
template <typename T>
__device__ inline void accumulate(float (&sum)[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0, uint32_t b1) {
  if constexpr (std::is_same_v<T, bf16>)
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
  else
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// Eight columns of x for this lane, twice, `apart` bytes apart: the right operands of four products.
__device__ inline void loadRight(uint32_t (&b)[8], uint32_t from, int apart) {
  asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(b[0]), "=r"(b[1]), "=r"(b[2]), "=r"(b[3]) : "r"(from) : "memory");
  asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(b[4]), "=r"(b[5]), "=r"(b[6]), "=r"(b[7]) : "r"(from + apart) : "memory");
}
// The row of x of a lane. Where there are fewer than eight, the others take the last: their results are not read.
template <typename T>
__device__ inline int rightRow(const Share<T>& share) { return min(static_cast<int>(threadIdx.x % 32 / 4), share.rows - 1); }

// --- Dense -----------------------------------------------------------------------------------------------------

// Weights are read once: they must not push what is read again out of the caches.
__device__ inline uint4 loadOnce(const void* at) {
  uint4 v;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(at));
  return v;
}

template <typename T>
struct DenseWalk {
  static constexpr int step = 64, steps = 2;
  static constexpr uint32_t sharedBytes = 0;
  const Share<T>& share;
  int first, last;
  const T* from[2];
  uint4 next[2][steps][2];

  __device__ DenseWalk(const Share<T>& share, int warp, uint32_t) : share(share) {
    const int all = share.group.in / step;
    first = all * warp / decodeWarps;
    last = all * (warp + 1) / decodeWarps;
  }
  __device__ void fetch(int at) {
#pragma unroll
    for (int half = 0; half < 2; half++)
#pragma unroll
      for (int s = 0; s < steps; s++) {
        if (at + s >= last) break;
        next[half][s][0] = loadOnce(from[half] + (at + s) * step);
        next[half][s][1] = loadOnce(from[half] + (at + s) * step + 32);
      }
  }
  __device__ void begin(int tile) {
    const TilePlace place(share, tile);
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int half = 0; half < 2; half++)
      from[half] = static_cast<const T*>(share.group.members[place.member[half]].dense) + place.row(share, half, lane / 4) * share.group.in + lane % 4 * 8;
    if (first < last) fetch(first);
  }
  // sum = the tile's part of W xᵀ; loads of the tile that follows are under way when it returns.
  __device__ void multiply(float (&sum)[4], int tile) {
    const uint32_t right = share.x + rightRow(share) * share.strideShared + threadIdx.x % 4 * 16;
    for (int at = first; at < last; at += steps) {
      uint4 now[2][steps][2];
      memcpy(now, next, sizeof now);
      if (at + steps < last)
        fetch(at + steps);
      else if (tile + share.stride < share.count)
        begin(tile + share.stride);
#pragma unroll
      for (int s = 0; s < steps; s++) {
        if (at + s >= last) break;
        uint32_t b[8];
        loadRight(b, right + (at + s) * step * 2, 64);
#pragma unroll
        for (int part = 0; part < 2; part++) {
          const uint4 top = now[0][s][part], bottom = now[1][s][part];
          accumulate<T>(sum, top.x, bottom.x, top.y, bottom.y, b[4 * part], b[4 * part + 1]);
          accumulate<T>(sum, top.z, bottom.z, top.w, bottom.w, b[4 * part + 2], b[4 * part + 3]);
        }
      }
    }
  }
};

// --- NF4 -------------------------------------------------------------------------------------------------------

// A table in shared memory, one copy a bank, turns a byte into two factors of type T. Codes come through a ring of copies of the
// warp's own, 128 columns a slot. Blocks of 64 codes are scaled after their product, in float32.
// `twice`: the scales are quantised too.
template <typename T, bool twice>
struct Nf4Walk {
  static constexpr int step = 64, pair = 2 * step, slots = 3;
  static constexpr uint32_t slotBytes = tileRows * pair / 2, sharedBytes = decodeWarps * slots * slotBytes;
  // Bytes of a row of x in a slot: 16 more than it has keep rows apart in the banks.
  static constexpr uint32_t inputBytes = 2 * pair + 16;
  __host__ __device__ static constexpr uint32_t inputRing(int rows) { return decodeWarps * slots * rows * inputBytes; }
  const Share<T>& share;
  const int lane = threadIdx.x % 32, tig = lane % 4;
  int first, last;
  uint32_t table, nestedCode;
  // Addresses of the lane's parts of slot 0: where its copies go, and where its codes of a pair's first step are; those of the
  // second are 32 bytes away. Chunks of 16 bytes change places in every other two rows, so that reading meets no bank
  // conflicts.
  uint32_t copies, reads, slot = 0;
  // The same for x, where it comes with the weights.
  uint32_t inputs, inputSlot = 0;
  // What is copied next.
  int feedTile = 0, feedPair = 0;
  const uint8_t* from[2];
  // Scales of four steps, one a lane of a quad, as they were loaded.
  int member[2];
  uint32_t blocks[2], scaleCode[2];
  float nested[2];

  // `ring` is the address of sharedBytes, and of inputRing behind them.
  __device__ Nf4Walk(const Share<T>& share, int warp, uint32_t ring) : share(share) {
    inputs = ring + sharedBytes + warp * slots * share.rows * inputBytes;
    const int all = share.group.in / pair;
    first = all * warp / decodeWarps;
    last = all * (warp + 1) / decodeWarps;
    const uint32_t row = ring + warp * slots * slotBytes + lane / 4 * 64, turned = lane / 8 % 2 * 2;
    copies = row + (tig ^ turned) * 16;
    reads = row + (tig / 2 ^ turned) * 16 + tig % 2 * 8;
  }

  __device__ void aim(int tile) {
    const TilePlace at(share, tile);
#pragma unroll
    for (int half = 0; half < 2; half++)
      from[half] = share.group.members[at.member[half]].codes.packed + at.row(share, half, lane / 4) * (share.group.in / 2) +
                   first * (pair / 2) + tig * 16;
  }
  // The next copies, to the slot that was read last.
  __device__ void feed() {
    if (feedTile < share.count) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;\n" ::"r"(copies + slot + half * 512), "l"(from[half]));
        from[half] += pair / 2;
      }
      if (!share.x) {
        const T* source = share.from + lane / 16 * share.strideFrom + feedPair * pair + lane % 16 * 8;
        uint32_t to = inputs + inputSlot + lane / 16 * inputBytes + lane % 16 * 16;
#pragma unroll 1
        for (int r = lane / 16; r < share.rows; r += 2, source += 2 * share.strideFrom, to += 2 * inputBytes)
          asm volatile("cp.async.cg.shared.global [%0], [%1], 16;\n" ::"r"(to), "l"(source));
      }
      if (++feedPair == last) {
        feedPair = first;
        feedTile += share.stride;
        if (feedTile < share.count) aim(feedTile);
      }
    }
    commitCopies();
    const bool turn = slot == (slots - 1) * slotBytes;
    slot = turn ? 0 : slot + slotBytes;
    inputSlot = turn ? 0 : inputSlot + share.rows * inputBytes;
  }
  __device__ void loadScales(int at) {
    const uint32_t s = min(at + tig, 2 * last - 1);
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const Nf4Matrix& codes = share.group.members[member[half]].codes;
      const uint32_t block = blocks[half] + s;
      if constexpr (twice) {
        scaleCode[half] = __ldg(codes.absmaxCodes + block);
        nested[half] = __ldg(codes.nestedAbsmax + (block >> codes.nestedShift));
      } else {
        nested[half] = __ldg(codes.absmax + block);
      }
    }
  }
  __device__ void enter(int tile) {
    const TilePlace place(share, tile);
#pragma unroll
    for (int half = 0; half < 2; half++) {
      member[half] = place.member[half];
      blocks[half] = static_cast<uint32_t>(place.row(share, half, lane / 4)) * (share.group.in / step);
    }
    loadScales(2 * first);
  }
  __device__ void begin(int tile) {
    feedTile = tile;
    feedPair = first;
    if (first == last) return;
    aim(tile);
#pragma unroll
    for (int i = 0; i < slots; i++) feed();
    enter(tile);
  }

  // The two factors of a byte.
  template <int byte>
  __device__ uint32_t factors(uint32_t word) const {
    uint32_t index, pair;
    asm("prmt.b32 %0, %1, 0, %2;" : "=r"(index) : "r"(word), "n"(0x4440 + byte));
    asm("ld.shared.u32 %0, [%1];" : "=r"(pair) : "r"(index * 128 + table));
    return pair;
  }
  __device__ void multiplyStep(float (&sum)[4], const uint2& top, const uint2& bottom, const uint32_t (&b)[8], float upper, float lower) const {
    float part[4] = {};
    accumulate<T>(part, factors<0>(top.x), factors<0>(bottom.x), factors<1>(top.x), factors<1>(bottom.x), b[0], b[1]);
    accumulate<T>(part, factors<2>(top.x), factors<2>(bottom.x), factors<3>(top.x), factors<3>(bottom.x), b[2], b[3]);
    accumulate<T>(part, factors<0>(top.y), factors<0>(bottom.y), factors<1>(top.y), factors<1>(bottom.y), b[4], b[5]);
    accumulate<T>(part, factors<2>(top.y), factors<2>(bottom.y), factors<3>(top.y), factors<3>(bottom.y), b[6], b[7]);
    sum[0] += upper * part[0];
    sum[1] += upper * part[1];
    sum[2] += lower * part[2];
    sum[3] += lower * part[3];
  }

  __device__ void multiply(float (&sum)[4], int tile) {
    float scale[2];
    const uint32_t right = (share.x ? share.x + rightRow(share) * share.strideShared : inputs + rightRow(share) * inputBytes) + tig * 32;
    for (int at = first; at < last; at++) {
      const int quarter = (at - first) % 2 * 2;
      if (quarter == 0) {
#pragma unroll
          for (int half = 0; half < 2; half++) {
            float value = nested[half];
            const Nf4Matrix& codes = share.group.members[member[half]].codes;
            if constexpr (twice) {
              float code;
              asm volatile("ld.shared.f32 %0, [%1];" : "=f"(code) : "r"(nestedCode + 4 * scaleCode[half]) : "memory");
              value = code * value + codes.offset;
            }
            scale[half] = value * (1.0f / codeScale<T>);
          }
        if (at + 2 < last)
          loadScales(2 * at + 4);
        else if (tile + share.stride < share.count)
          enter(tile + share.stride);
      }
      waitCopies<slots - 1>();
      __syncwarp();
      uint2 words[2][2];
#pragma unroll
        for (int half = 0; half < 2; half++)
#pragma unroll
          for (int s = 0; s < 2; s++)
            asm volatile("ld.shared.v2.u32 {%0, %1}, [%2];"
                         : "=r"(words[half][s].x), "=r"(words[half][s].y)
                         : "r"(((reads + slot) ^ (32 * s)) + half * 512)
                         : "memory");
      uint32_t b[2][8];
#pragma unroll
      for (int s = 0; s < 2; s++) loadRight(b[s], right + (share.x ? at * pair * 2 : inputSlot) + s * step * 2, 16);
      __syncwarp();
      feed();
#pragma unroll
      for (int s = 0; s < 2; s++) {
        const int owner = (lane & ~3) + quarter + s;
          multiplyStep(sum, words[0][s], words[1][s], b[s], __shfl_sync(0xffffffffu, scale[0], owner), __shfl_sync(0xffffffffu, scale[1], owner));
      }
    }
  }
};

}  // namespace tunelab::cuda
