// Updates over a list of tensors in one launch: blocks find their tensor by the number of its first block.
#pragma once
#include <cstdint>

namespace tunelab::cuda {

struct AdamTensor {
  float* values;
  const float* gradient;
  // float32 states; or 8-bit codes with their scales, then states is nullptr.
  float *m, *v;
  uint8_t *code1, *code2;
  float *absmax1, *absmax2;
  int64_t count;
  int64_t firstBlock;
};

struct AdamStep {
  float learningRate, beta1, beta2, epsilon, weightDecay, gradScale;
  // A factor of the gradient that the GPU made (nullptr: 1), such as the clipping coefficient.
  const float* clip;
  int step;
};

// Elements that one block takes.
constexpr int64_t adam8Block = 256, adam32Block = 1024, normBlock = 8192;

// bitsandbytes' CUDA AdamW. `tensors` are on the device.
void adamw8bit(const AdamTensor* tensors, int count, int64_t blocks, const float* signedMap, const float* unsignedMap, const AdamStep& step);

// torch.optim.AdamW; the numbers of a step as lib/train/optim/adamMath.ts rounds them.
struct TorchStep {
  float beta2, share1, share2, gradScale, kept, size, correction, epsilon;
  const float* clip;
};
void adamw32(const AdamTensor* tensors, int count, int64_t blocks, const TorchStep& step);

struct NormTensor {
  const float* values;
  int64_t count;
  int64_t firstBlock;
};
// result[0] = L2 norm over all tensors, result[1] = min(1, maxNorm / (norm + 1e-6)) as torch's clip_grad_norm_ has it.
// partial [blocks] is working memory.
void gradNorm(const NormTensor* tensors, int count, int64_t blocks, double* partial, float maxNorm, float* result);

void scaleInPlace(float* values, float factor, int64_t count);

}  // namespace tunelab::cuda
