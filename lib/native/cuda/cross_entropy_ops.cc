// Cross-entropy of the next token straight from hidden states. Fused: the head's product, softmax, loss and the gradient
// of the hidden states, a chunk of rows at a time, so that [tokens, vocabulary] never exists; rows without a label are
// left out of the products. The gradient is made with the loss, because the logits are there then.
//   loss = sum over rows of (log sum exp(z) - z[label]),  dz = scale (softmax(z) - onehot(label)),  dh = dz W.
#include <algorithm>
#include <vector>

#include "cuda/check.h"
#include "cuda/cross_entropy.h"
#include "cuda/device.h"
#include "cuda/embedding.h"
#include "cuda/linear.h"
#include "cuda/staging.h"
#include "registrar.h"

namespace tunelab::cuda {

namespace {

constexpr int32_t ignoredLabel = -100;
// Logits of one chunk, float32: half a GiB at most, of whole tiles of 128 rows.
constexpr int64_t chunkElements = int64_t{1} << 27;
int64_t chunkRows(int64_t vocabulary) { return std::clamp<int64_t>(chunkElements / vocabulary / 128 * 128, 128, 4096); }

struct Targets {
  std::vector<int32_t> rows, labels;
};

// Row i of a sequence predicts label i + 1 of the same sequence.
Targets targetsOf(const Napi::Env& env, const Span<int32_t>& labels, const Span<int32_t>& cuSeqlens, int64_t vocabulary) {
  if (cuSeqlens.size < 1 || cuSeqlens[0] != 0 || cuSeqlens[cuSeqlens.size - 1] != static_cast<int64_t>(labels.size) ||
      !std::is_sorted(cuSeqlens.data, cuSeqlens.data + cuSeqlens.size))
    refuse(env, "cuSeqlens must rise from 0 to the number of rows, " + std::to_string(labels.size) + ".");
  Targets targets;
  for (size_t s = 0; s + 1 < cuSeqlens.size; s++)
    for (int32_t row = cuSeqlens[s]; row + 1 < cuSeqlens[s + 1]; row++) {
      const int32_t label = labels[static_cast<size_t>(row) + 1];
      if (label == ignoredLabel) continue;
      if (label < 0 || label >= vocabulary)
        refuse(env, "labels[" + std::to_string(row + 1) + "] is " + std::to_string(label) + ", expected -100 or 0 to " +
                        std::to_string(vocabulary - 1) + ".");
      targets.rows.push_back(row);
      targets.labels.push_back(label);
    }
  return targets;
}

// Queues everything; *lossSum receives the sum. Returns the number of rows that count.
int64_t queue(const Napi::CallbackInfo& info, float* lossSum) {
  Linear& head = fromHandle<Linear>(info[0]);
  const int64_t width = head.projection.in, vocabulary = head.projection.out;
  const Span<int32_t> labels = ints(info[2], "labels");
  const StoragePtr hidden = floatBufferOf(info[1], "hidden", labels.size * static_cast<size_t>(width));
  const Targets targets = targetsOf(info.Env(), labels, ints(info[3], "cuSeqlens"), vocabulary);
  const float scale = static_cast<float>(number(info[4], "scale"));
  const Dtype dtype = hidden->dtype;
  const StoragePtr dHidden = optionalBufferOf(info[5], dtype, "dHidden", hidden->length);
  if (dHidden && dHidden->length) cudaCheck(cudaMemsetAsync(dHidden->data(), 0, dHidden->bytes(), stream()));

  const auto count = static_cast<int64_t>(targets.rows.size());
  const Block rows = uploadArray(targets.rows.data(), targets.rows.size()), wanted = uploadArray(targets.labels.data(), targets.labels.size());
  const Block losses(targets.rows.size() * sizeof(float), Owner::workspace);
  const int64_t chunk = std::min(count, chunkRows(vocabulary));
  const auto size = static_cast<int64_t>(sizeOf(dtype));
  const Block x(static_cast<size_t>(chunk * width * size), Owner::workspace);
  const Block logits(static_cast<size_t>(chunk * vocabulary) * sizeof(float), Owner::workspace);
  const Block dx(dHidden ? static_cast<size_t>(chunk * width * size) : 0, Owner::workspace);
  const int64_t strideGradient = vocabulary * static_cast<int64_t>(sizeof(float)) / size;
  for (int64_t first = 0; first < count; first += chunk) {
    const int64_t n = std::min(chunk, count - first);
    embedding(rows.as<int32_t>() + first, n, hidden->data(), dtype, width, x.data(), dtype);
    linearForward(head, x.data(), dtype, n, logits.data(), Dtype::f32, {});
    crossEntropyRows(logits.as<float>(), wanted.as<int32_t>() + first, n, vocabulary, dHidden ? scale : 0, dtype, losses.as<float>() + first);
    if (!dHidden || scale == 0) continue;
    linearBackward(head, x.data(), logits.data(), strideGradient, dtype, n, dx.data(), {}, {});
    scatterRows(dx.data(), rows.as<int32_t>() + first, n, width, dHidden->data(), dtype);
  }
  sumInto(losses.as<float>(), count, lossSum);
  return count;
}

// linearCrossEntropy(head, hidden, labels, cuSeqlens, scale, dHidden | null) -> { lossSum, count }; waits for the GPU
Napi::Value linearCrossEntropy(const Napi::CallbackInfo& info) {
  const Block sum(sizeof(float), Owner::workspace);
  const int64_t count = queue(info, sum.as<float>());
  float value = 0;
  cudaCheck(cudaMemcpyAsync(&value, sum.data(), sizeof value, cudaMemcpyDeviceToHost, stream()));
  synchronize();
  Napi::Object result = Napi::Object::New(info.Env());
  result["lossSum"] = Napi::Number::New(info.Env(), value);
  result["count"] = Napi::Number::New(info.Env(), static_cast<double>(count));
  return result;
}

// linearCrossEntropyQueued(head, hidden, labels, cuSeqlens, scale, dHidden | null, lossSum f32 [1]) -> count; does not wait
Napi::Value queued(const Napi::CallbackInfo& info) {
  const StoragePtr sum = bufferOf(info[6], Dtype::f32, "lossSum", 1);
  return Napi::Number::New(info.Env(), static_cast<double>(queue(info, floatsOf(sum))));
}

TUNELAB_OP(cuda, "linearCrossEntropy", linearCrossEntropy)
TUNELAB_OP(cuda, "linearCrossEntropyQueued", queued)

}  // namespace

}  // namespace tunelab::cuda
