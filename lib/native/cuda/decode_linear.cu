// Decoding is bound by reading the weights, so everything else hides behind that. A block takes 16 rows of a weight (or 8 of
// gate and the same 8 of up), its warps a part of the columns each (decode_tiles.cuh). Rows of x never meet, so a row's result
// does not depend on the others.
//
// t = x Aᵀ is made by blocks of the same launch, which start first; the others add B t when they are done with W.
#include <algorithm>
#include <map>

#include "cuda/counters.h"
#include "cuda/decode_tiles.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

// Seven warps multiply; one adds their sums up and writes, so that they need not wait for what that takes.
constexpr int decodeThreads = 32 * (decodeWarps + 1);

// Packs of eight elements of a row that a thread holds while a row is normalised: rows of up to 8192.
constexpr int normPacks = 4, normMost = normPacks * 8 * decodeThreads;
// A thread's part of a row of up to normMost elements.
template <typename T>
struct RowPart {
  Pack<T, 8> packs[normPacks];
  __device__ static int column(int p) { return (p * decodeThreads + threadIdx.x) * 8; }
  __device__ void fetch(const T* row, int in) {
#pragma unroll
    for (int p = 0; p < normPacks; p++)
      if (column(p) < in) packs[p] = load<T, 8>(row + column(p));
  }
  __device__ void normalise(const float* norm, float eps, int in) {
    float squares = 0;
#pragma unroll
    for (int p = 0; p < normPacks; p++)
      if (column(p) < in)
#pragma unroll
        for (int j = 0; j < 8; j++) squares += packs[p].get(j) * packs[p].get(j);
    const float scale = rsqrtf(blockSum(squares) / static_cast<float>(in) + eps);
#pragma unroll
    for (int p = 0; p < normPacks; p++) {
      if (column(p) >= in) break;
      const Pack<float, 4> weights[2] = {load<float, 4>(norm + column(p)), load<float, 4>(norm + column(p) + 4)};
#pragma unroll
      for (int j = 0; j < 8; j++) packs[p].set(j, toFloat(fromFloat<T>(packs[p].get(j) * scale)) * weights[j / 4].get(j % 4));
    }
  }
  __device__ void keep(T* to, int in) const {
#pragma unroll
    for (int p = 0; p < normPacks; p++)
      if (column(p) < in) store(to + column(p), packs[p]);
  }
};

// Rows of x into shared memory, normalised where a norm is given; `part` holds the thread's part of the first already.
template <typename T>
__device__ inline void stageInput(const DecodeCall& call, RowPart<T>& part, int in, const T* from, int rows, T* to, int strideTo) {
  for (int r = 0; r < rows; r++) {
    if (r > 0) part.fetch(from + r * call.strideX, in);
    if (call.norm) part.normalise(call.norm, call.eps, in);
    part.keep(to + r * strideTo, in);
    // Longer rows have no norm.
    for (int i = normMost + threadIdx.x * 8; i < in; i += decodeThreads * 8) store(to + r * strideTo + i, load<T, 8>(from + r * call.strideX + i));
  }
}

// t[row, r] = x[row] . A[r] by one block; says so in `ready`.
template <typename T>
__device__ inline void makeT(const DecodeGroup& group, const DecodeCall& call, int r, int firstRow, int rows, const T* x, int64_t strideX,
                             unsigned* ready) {
  const float* a = nullptr;
  for (int m = 0; m < group.count; m++) {
    const DecodeMember& member = group.members[m];
    if (member.a && r >= member.rankOffset && r < member.rankOffset + member.rank) a = member.a + int64_t{r - member.rankOffset} * group.in;
  }
  float sums[rowsAtOnce] = {};
  for (int i = threadIdx.x * 4; i < group.in; i += decodeThreads * 4) {
    const Pack<float, 4> weights = load<float, 4>(a + i);
#pragma unroll
    for (int n = 0; n < rowsAtOnce; n++) {
      if (n >= rows) break;
      const Pack<T, 4> values = load<T, 4>(x + n * strideX + i);
#pragma unroll
      for (int j = 0; j < 4; j++) sums[n] += values.get(j) * weights.get(j);
    }
  }
  T* behind = const_cast<T*>(static_cast<const T*>(call.x)) + group.in;
#pragma unroll
  for (int n = 0; n < rowsAtOnce; n++) {
    if (n >= rows) break;
    const float sum = blockSum(sums[n]);
    const int64_t row = firstRow + n;
    if (threadIdx.x == 0) {
      call.t[row * group.rank + r] = sum;
      if (call.keepT) behind[row * call.strideX + r] = fromFloat<T>(sum);
    }
    if (call.keepT && r == 0)
      for (int i = group.rank + threadIdx.x; i < call.strideX - group.in; i += decodeThreads) behind[row * call.strideX + i] = fromFloat<T>(0);
  }
  if (threadIdx.x == 0) {
    __threadfence();
    atomicAdd(ready, 1u);
  }
}

// By whole warps.
__device__ inline void awaitT(const unsigned* ready, unsigned parts) {
  unsigned seen;
  do asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(seen) : "l"(ready) : "memory");
  while (seen < parts);
  __syncwarp();
}

// Barriers of the block beside __syncthreads: `full` and `free` of the two places for sums.
__device__ inline void arriveAt(int barrier) { asm volatile("barrier.cta.arrive %0, %1;" ::"r"(barrier), "n"(decodeThreads) : "memory"); }
__device__ inline void waitAt(int barrier) { asm volatile("barrier.cta.sync %0, %1;" ::"r"(barrier), "n"(decodeThreads) : "memory"); }
constexpr int fullBarrier = 1, freeBarrier = 3;

// What follows the products of a tile, by one warp: LoRA, bias, the residual sum or SwiGLU. partial: two places for sums
// [warps, tileRows, width].
template <typename T>
__device__ inline void finishTiles(const DecodeGroup& group, const DecodeCall& call, const Share<T>& share, int tile, int firstRow,
                                   const unsigned* counters, const float* partial, int width) {
  const int lane = threadIdx.x % 32, r = lane % tileRows;
  for (int place = 0; tile < share.count; tile += share.stride, place ^= 1) {
    const TilePlace at(share, tile);
    const int m = r < 8 ? at.member[0] : at.member[1], o = r < 8 ? at.first[0] + r : at.first[1] + r - 8;
    const DecodeMember& owner = group.members[m];
    const float* b = owner.b + int64_t{o} * owner.rank;
    const bool there = o < owner.out;
    if (there && owner.b) asm volatile("prefetch.global.L1 [%0];" ::"l"(b));
    const float bias = there && owner.bias ? __ldg(owner.bias + o) : 0;
    int64_t column = o;
    for (int before = 0; !call.swiglu && before < m; before++) column += group.members[before].out;
    if (group.rank) awaitT(counters, group.rank);
    waitAt(fullBarrier + place);
    for (int n = lane / tileRows; n < (share.rows + 1) / 2 * 2; n += 2) {
      const bool present = there && n < share.rows;
      const int64_t row = firstRow + n, to = row * call.strideY + column;
      float value = bias, base = 0;
      if (present) {
        if (call.base) base = call.outputType == Dtype::f32 ? static_cast<const float*>(call.base)[to] : toFloat(static_cast<const T*>(call.base)[to]);
        if (owner.b) {
          const float* t = call.t + row * group.rank + owner.rankOffset;
          float low = 0;
#pragma unroll 8
          for (int j = 0; j < owner.rank; j++) low += __ldg(b + j) * __ldcg(t + j);
          value += owner.scaling * low;
        }
#pragma unroll
        for (int w = 0; w < decodeWarps; w++) value += partial[((place * decodeWarps + w) * tileRows + r) * width + n];
      }
      bool writes = present;
      if (call.swiglu) {
        const float up = __shfl_down_sync(0xffffffffu, value, 8);
        writes = present && r < 8;
        // As Hugging Face rounds: gate, up, silu, product.
        const float gate = toFloat(fromFloat<T>(value));
        value = toFloat(fromFloat<T>(gate / (1.0f + expf(-gate)))) * toFloat(fromFloat<T>(up));
      }
      if (!writes) continue;
      if (call.outputType == Dtype::f32)
        static_cast<float*>(call.y)[to] = base + value;
      else
        static_cast<T*>(call.y)[to] = fromFloat<T>(base + value);
    }
    if (tile + 2 * share.stride < share.count) arriveAt(freeBarrier + place);
  }
}

// How the weights are held.
enum class Held { dense, nf4, nf4Twice };
template <typename T, Held held>
using Walk = std::conditional_t<held == Held::dense, DenseWalk<T>, Nf4Walk<T, held == Held::nf4Twice>>;

// Bytes of shared memory for x.
template <typename T, Held held>
__host__ __device__ constexpr size_t inputBytes(int rows, int strideX) {
  if constexpr (held != Held::dense)
    if (strideX == 0) return Walk<T, held>::inputRing(rows);
  return halfBytes * static_cast<size_t>(rows) * static_cast<size_t>(strideX);
}

template <typename T, Held held>
__global__ void __launch_bounds__(decodeThreads, held == Held::dense ? 2 : 3)
    decodeLinearKernel(DecodeGroup group, DecodeCall call, unsigned* allCounters, int tileCount, int rowsAtATime, int strideX) {
  constexpr bool nf4 = held != Held::dense;
  __shared__ __align__(128) uint32_t table[nf4 ? 256 * 32 : 1];
  __shared__ float nestedCode[nf4 ? 256 : 1];
  extern __shared__ __align__(16) char dynamic[];
  using Weights = Walk<T, held>;
  // Behind the ring of weights: the rows of x, or where these come with the weights (strideX 0), their ring.
  T* x = reinterpret_cast<T*>(dynamic + Weights::sharedBytes);
  const int width = (rowsAtATime + 1) / 2 * 2;
  float* partial = reinterpret_cast<float*>(dynamic + Weights::sharedBytes + inputBytes<T, held>(rowsAtATime, strideX));

  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, in = group.in;
  const int firstRow = blockIdx.y * rowsAtATime, rows = min(rowsAtATime, static_cast<int>(call.rows) - firstRow);
  const T* from = static_cast<const T*>(call.x) + firstRow * call.strideX;
  unsigned* counters = allCounters + 2 * blockIdx.y;
  const int stride = gridDim.x - group.rank;
  int tile = static_cast<int>(blockIdx.x) - group.rank;
  const Share<T> share{group, call.swiglu, tileCount, stride, rows, strideX ? sharedAddress(x) : 0, static_cast<uint32_t>(halfBytes * strideX), from,
                       static_cast<int>(call.strideX)};
  RowPart<T> part;
  if (strideX) part.fetch(from, in);
  Weights weights(share, warp, sharedAddress(dynamic));
  if (tile >= 0 && warp < decodeWarps) weights.begin(tile);
  if (call.norm && threadIdx.x * 32 < in) asm volatile("prefetch.global.L2 [%0];" ::"l"(call.norm + threadIdx.x * 32));
  if constexpr (nf4) {
    weights.table = sharedAddress(table) + 4 * lane;
    weights.nestedCode = sharedAddress(nestedCode);
    if (tile >= 0 && threadIdx.x < 256) {
      const float code = __ldg(group.members[0].codes.code + lane % 16) * codeScale<T>;
#pragma unroll
      for (int part = 0; part < 8; part++) {
        const int entry = threadIdx.x / 8 + 32 * part;
        const float first = __shfl_sync(0xffffffffu, code, entry >> 4), second = __shfl_sync(0xffffffffu, code, entry & 15);
        const uint32_t pair = packPair<T>(first, second);
        *reinterpret_cast<uint4*>(table + entry * 32 + threadIdx.x % 8 * 4) = make_uint4(pair, pair, pair, pair);
      }
      if (held == Held::nf4Twice) nestedCode[threadIdx.x] = __ldg(group.members[0].codes.nestedCode + threadIdx.x);
    }
  }
  if (strideX) stageInput(call, part, in, from, rows, x, strideX);
  __syncthreads();
  if (tile < 0) {
    makeT(group, call, blockIdx.x, firstRow, rows, strideX ? x : from, strideX ? strideX : call.strideX, counters);
    return;
  }
  if (warp == decodeWarps) {
    finishTiles(group, call, share, tile, firstRow, counters, partial, width);
    __syncwarp();
    if (group.rank && lane == 0 && atomicInc(counters + 1, stride - 1) == static_cast<unsigned>(stride - 1)) counters[0] = 0;
    return;
  }
  const int begin = tile;
  for (int place = 0; tile < tileCount; tile += stride, place ^= 1) {
    float sum[4] = {};
    weights.multiply(sum, tile);
    if (tile - begin >= 2 * stride) waitAt(freeBarrier + place);
    if (lane % 4 * 2 < width) {
      float* to = partial + ((place * decodeWarps + warp) * tileRows + lane / 4) * width + lane % 4 * 2;
      to[0] = sum[0];
      to[1] = sum[1];
      to[8 * width] = sum[2];
      to[8 * width + 1] = sum[3];
    }
    arriveAt(fullBarrier + place);
  }
}

// --- launchers -------------------------------------------------------------------------------------------------

namespace {

// Of x in shared memory: eight rows of 5120.
constexpr size_t inputMost = 84 << 10, sharedLimit = 160 << 10;

// Of rows in shared memory; 0 where x comes with the weights. 16 bytes keep rows apart in the banks.
template <Held held>
int strideOf(const DecodeGroup& group, const DecodeCall& call) {
  return held != Held::dense && !call.norm ? 0 : group.in + 8;
}

template <typename T, Held held>
int rowsAtATime(int64_t rows, int strideX) {
  int most = rowsAtOnce;
  while (most > 1 && inputBytes<T, held>(most, strideX) > inputMost) most--;
  return ceilDiv(rows, ceilDiv(rows, most));
}

template <typename T, Held held>
size_t sharedBytes(int rows, int strideX) {
  return Walk<T, held>::sharedBytes + inputBytes<T, held>(rows, strideX) + 2 * sizeof(float) * decodeWarps * tileRows * static_cast<size_t>((rows + 1) / 2 * 2);
}

// Blocks that are resident at once.
template <typename T, Held held>
int residentBlocks(size_t shared) {
  const auto kernel = decodeLinearKernel<T, held>;
  static auto* known = new std::map<size_t, int>();
  int& blocks = (*known)[shared];
  if (blocks == 0) {
    cudaCheck(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(sharedLimit)));
    cudaCheck(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, decodeThreads, shared));
  }
  return std::max(1, blocks) * device().multiprocessors;
}

template <typename T, Held held>
void launch(const DecodeGroup& group, const DecodeCall& call) {
  const int strideX = strideOf<held>(group, call), rows = rowsAtATime<T, held>(call.rows, strideX);
  const size_t shared = sharedBytes<T, held>(rows, strideX);
  int count = 0;
  if (call.swiglu)
    count = ceilDiv(group.members[0].out, 8);
  else
    for (int m = 0; m < group.count; m++) count += ceilDiv(group.members[m].out, tileRows);
  const int resident = residentBlocks<T, held>(shared);
  // Blocks stay for further tiles, and load the next while they finish one.
  const int blocks = std::min(count, resident);
  const dim3 grid(static_cast<unsigned>(blocks + group.rank), static_cast<unsigned>(ceilDiv(call.rows, rows)));
  decodeLinearKernel<T, held><<<grid, decodeThreads, shared, stream()>>>(group, call, counters(), count, rows, strideX);
  cudaCheckLaunch();
}

}  // namespace

bool decodeLinearFits(const DecodeGroup& group, const DecodeCall& call) {
  if (!isHalf(call.dtype) || call.rows < 1 || call.rows > decodeMaxRows || group.in % 128 != 0 || !aligned(call.x, 16) || call.strideX % 8 != 0) return false;
  if (sharedBytes<bf16, Held::dense>(1, group.in + 8) > sharedLimit || (call.norm && group.in > normMost)) return false;
  const DecodeMember& head = group.members[0];
  if (call.swiglu && (group.count != 2 || group.members[1].out != head.out)) return false;
  for (int m = 0; m < group.count; m++) {
    const DecodeMember& member = group.members[m];
    if (!aligned(member.a, 16) || (member.dense == nullptr) != (head.dense == nullptr)) return false;
    if (member.dense && !aligned(member.dense, 16)) return false;
    if (member.dense) continue;
    const Nf4Matrix& codes = member.codes;
    if (!hasShifts(codes) || codes.blockSize != 64 || !aligned(codes.packed, 16)) return false;
    if (codes.code != head.codes.code || codes.nestedCode != head.codes.nestedCode || !codes.absmaxCodes != !head.codes.absmaxCodes) return false;
  }
  return true;
}

void decodeLinear(const DecodeGroup& group, const DecodeCall& call) {
  withHalf(call.dtype, [&](auto t) {
    using T = decltype(t);
    const DecodeMember& head = group.members[0];
    if (head.dense)
      launch<T, Held::dense>(group, call);
    else if (head.codes.absmaxCodes)
      launch<T, Held::nf4Twice>(group, call);
    else
      launch<T, Held::nf4>(group, call);
  });
}

}  // namespace tunelab::cuda
