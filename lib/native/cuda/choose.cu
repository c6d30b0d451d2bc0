// The order of transformers' processors: repetition penalty, no EOS before minNewTokens, then the likeliest token, or a draw
// after temperature, top-k and top-p. A draw goes down the sorted tokens as lib/generate/sample.ts does, with the numbers
// that the host drew: equal logits and seeds give equal tokens.
//
// One block a row. The k largest are found by counting values in equal bins below the largest, narrowed until few enough
// are left to sort.
#include <algorithm>

#include "cuda/choose.h"
#include "cuda/real.cuh"

namespace tunelab::cuda {

// --- kernels ---------------------------------------------------------------------------------------------------

constexpr int chooseThreads = 1024, bins = 2048, candidates = 4096;

// Orders like the value, and among equal values the lower index first.
__device__ inline uint64_t keyOf(float value, int index) {
  const uint32_t bits = __float_as_uint(value);
  const uint32_t ordered = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return uint64_t{ordered} << 32 | (0xffffffffu - static_cast<uint32_t>(index));
}
__device__ inline int indexOf(uint64_t key) { return static_cast<int>(0xffffffffu - static_cast<uint32_t>(key)); }
__device__ inline float valueOf(uint64_t key) {
  const auto ordered = static_cast<uint32_t>(key >> 32);
  return __uint_as_float(ordered & 0x80000000u ? ordered & 0x7fffffffu : ~ordered);
}

__device__ inline uint64_t blockLargest(uint64_t key) {
  __shared__ uint64_t parts[32];
  for (int offset = 16; offset > 0; offset >>= 1) key = max(key, __shfl_xor_sync(0xffffffffu, key, offset));
  __syncthreads();
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = key;
  __syncthreads();
  key = parts[threadIdx.x % 32];
  for (int offset = 16; offset > 0; offset >>= 1) key = max(key, __shfl_xor_sync(0xffffffffu, key, offset));
  return key;
}

// Sums of x over the threads up to and with this one.
__device__ inline float blockRunningSum(float x) {
  __shared__ float parts[32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int offset = 1; offset < 32; offset <<= 1) {
    const float other = __shfl_up_sync(0xffffffffu, x, offset);
    if (lane >= offset) x += other;
  }
  __syncthreads();
  if (lane == 31) parts[warp] = x;
  __syncthreads();
  float before = 0;
  for (int w = 0; w < warp; w++) before += parts[w];
  return before + x;
}

// The first thread for which `holds`, or `otherwise`.
__device__ inline int firstThread(bool holds, int otherwise) {
  __shared__ int first;
  __syncthreads();
  if (threadIdx.x == 0) first = otherwise;
  __syncthreads();
  if (holds) atomicMin(&first, static_cast<int>(threadIdx.x));
  __syncthreads();
  return first;
}

// The `wanted` largest keys of a row to the front of `keys`, in descending order.
__device__ inline void largestKeys(const float* logits, int vocabulary, uint64_t largest, int wanted, uint64_t* keys, unsigned* counts) {
  __shared__ unsigned cut, found;
  const float top = valueOf(largest);
  float low = INFINITY;
#pragma unroll 8
  for (int i = threadIdx.x; i < vocabulary; i += chooseThreads)
    if (logits[i] > -INFINITY) low = fminf(low, logits[i]);
  float width = (top + blockMax(-low)) / bins, least = -INFINITY;
  for (int attempt = 0; attempt < 8 && width > 0; attempt++) {
    for (int b = threadIdx.x; b < bins; b += chooseThreads) counts[b] = 0;
    __syncthreads();
    for (int i = threadIdx.x; i < vocabulary; i += chooseThreads) {
      const float depth = (top - logits[i]) / width;
      if (depth < bins) atomicAdd(counts + static_cast<int>(depth), 1u);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      unsigned sum = 0;
      cut = bins - 1;
      for (unsigned b = 0; b < bins; b++) {
        sum += counts[b];
        if (sum < static_cast<unsigned>(wanted)) continue;
        cut = b;
        break;
      }
      found = sum;
    }
    __syncthreads();
    const unsigned below = cut + 1, held = found;
    __syncthreads();
    // The last bin of all holds what rounding puts on the border too.
    least = below >= bins ? -INFINITY : top - width * static_cast<float>(below);
    if (held <= candidates / 2 || below >= bins) break;
    width *= static_cast<float>(below) / bins;
  }
  for (int i = threadIdx.x; i < candidates; i += chooseThreads) keys[i] = 0;
  if (threadIdx.x == 0) found = 0;
  __syncthreads();
  for (int i = threadIdx.x; i < vocabulary; i += chooseThreads) {
    if (!(logits[i] >= least) || logits[i] == -INFINITY) continue;
    const unsigned at = atomicAdd(&found, 1u);
    if (at < candidates) keys[at] = keyOf(logits[i], i);
  }
  __syncthreads();
  // More than fit are alike: those that come first.
  if (found > candidates) {
    __shared__ unsigned held;
    if (threadIdx.x == 0) held = 0;
    __syncthreads();
    for (int from = 0; from < vocabulary && held < candidates; from += chooseThreads) {
      const int i = from + threadIdx.x;
      const bool taken = i < vocabulary && logits[i] >= least && logits[i] > -INFINITY;
      const unsigned at = held + static_cast<unsigned>(blockRunningSum(taken ? 1.0f : 0.0f));
      if (taken && at <= candidates) keys[at - 1] = keyOf(logits[i], i);
      __syncthreads();
      if (threadIdx.x == chooseThreads - 1) held = at;
      __syncthreads();
    }
  }
  int size = 2;
  while (size < min(static_cast<int>(found), candidates)) size *= 2;
  for (int run = 2; run <= size; run *= 2)
    for (int distance = run / 2; distance > 0; distance /= 2) {
      for (int i = threadIdx.x; i < size; i += chooseThreads) {
        const int other = i ^ distance;
        if (other > i) {
          const uint64_t a = keys[i], b = keys[other];
          if ((a < b) == ((i & run) == 0)) {
            keys[i] = b;
            keys[other] = a;
          }
        }
      }
      __syncthreads();
    }
}

// A draw from the sorted keys: temperature, top-k, top-p.
__device__ inline int drawToken(const uint64_t* keys, const ChooseOptions& options, float uniform) {
  const int i = threadIdx.x;
  const bool kept = i < options.topK && keys[i] != 0;
  const float weight = kept ? expf((valueOf(keys[i]) - valueOf(keys[0])) / options.temperature) : 0;
  const float reached = blockRunningSum(weight), all = blockSum(weight);
  const int count = firstThread(!kept, min(options.topK, chooseThreads));
  const int nucleus = options.topP < 1 ? firstThread(kept && reached / all >= options.topP, count - 1) + 1 : count;
  __shared__ float mass;
  if (i == nucleus - 1) mass = reached;
  __syncthreads();
  return indexOf(keys[firstThread(i < nucleus && reached > uniform * mass, nucleus - 1)]);
}

__global__ void __launch_bounds__(chooseThreads)
    chooseKernel(float* allLogits, int vocabulary, ChooseOptions options, ChooseState state) {
  extern __shared__ __align__(16) char dynamic[];
  const int row = blockIdx.x;
  if (state.finished[row]) {
    if (threadIdx.x == 0) state.tokens[row] = options.padToken;
    return;
  }
  float* logits = allLogits + int64_t{row} * vocabulary;
  uint32_t* seen = state.seen + int64_t{row} * state.seenWords;
  const int produced = state.produced[row];
  if (options.repetitionPenalty != 1)
    for (int word = threadIdx.x; word < state.seenWords; word += chooseThreads)
      for (uint32_t bits = seen[word]; bits; bits &= bits - 1) {
        float& logit = logits[word * 32 + __ffs(static_cast<int>(bits)) - 1];
        logit = logit > 0 ? logit / options.repetitionPenalty : logit * options.repetitionPenalty;
      }
  __syncthreads();
  if (produced < options.minNewTokens)
    for (int i = threadIdx.x; i < options.eosCount; i += chooseThreads)
      if (options.eosTokens[i] >= 0 && options.eosTokens[i] < vocabulary) logits[options.eosTokens[i]] = -INFINITY;
  __syncthreads();
  uint64_t best = 0;
#pragma unroll 8
  for (int i = threadIdx.x; i < vocabulary; i += chooseThreads) best = max(best, keyOf(logits[i] == logits[i] ? logits[i] : -INFINITY, i));
  best = blockLargest(best);
  int token = indexOf(best);
  // With no finite logit there is nothing to draw from.
  if (options.doSample && valueOf(best) > -INFINITY) {
    auto* keys = reinterpret_cast<uint64_t*>(dynamic);
    largestKeys(logits, vocabulary, best, options.topK, keys, reinterpret_cast<unsigned*>(keys + candidates));
    token = drawToken(keys, options, state.uniforms[int64_t{row} * options.maxNewTokens + produced]);
  }
  if (threadIdx.x != 0) return;
  state.tokens[row] = token;
  state.produced[row] = produced + 1;
  if (options.repetitionPenalty != 1) seen[token / 32] |= 1u << token % 32;
  bool ends = produced + 1 >= options.maxNewTokens;
  for (int i = 0; i < options.eosCount; i++) ends = ends || options.eosTokens[i] == token;
  if (ends)
    state.finished[row] = 1;
  else
    state.items[row].keys++;
}

// --- launchers -------------------------------------------------------------------------------------------------

void chooseTokens(float* logits, int rows, int vocabulary, const ChooseOptions& options, const ChooseState& state) {
  if (rows == 0) return;
  constexpr size_t shared = candidates * sizeof(uint64_t) + bins * sizeof(unsigned);
  static_assert(shared <= 48 << 10);
  chooseKernel<<<static_cast<unsigned>(rows), chooseThreads, options.doSample ? shared : 0, stream()>>>(logits, vocabulary, options, state);
  cudaCheckLaunch();
}

}  // namespace tunelab::cuda
