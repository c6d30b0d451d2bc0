// Cross-entropy of the next token straight from hidden states. Fused: the head's product, softmax, loss and the gradient
// of the hidden states, a chunk of rows at a time, so that [tokens, vocabulary] never exists; rows without a label are
// left out of the products. The gradient is made with the loss, because the logits are there then.
//   loss = sum over rows of (log sum exp(z) - z[label]),  dz = scale (softmax(z) - onehot(label)),  dh = dz W.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "cpu/linear.h"
#include "cpu/vector_math.h"
#include "parallel.h"
#include "registrar.h"

namespace tunelab {

namespace {

constexpr int32_t ignoredLabel = -100;
// Logits of one chunk should stay in the last-level cache.
constexpr int64_t chunkElements = int64_t{4} << 20;

struct Target {
  int64_t row;
  int32_t label;
};

// Row i of a sequence predicts label i + 1 of the same sequence.
std::vector<Target> targetsOf(const Napi::Env& env, const Span<int32_t>& labels, const Span<int32_t>& cuSeqlens,
                              int64_t vocabulary) {
  if (cuSeqlens.size < 1 || cuSeqlens[0] != 0 || cuSeqlens[cuSeqlens.size - 1] != static_cast<int64_t>(labels.size) ||
      !std::is_sorted(cuSeqlens.data, cuSeqlens.data + cuSeqlens.size))
    refuse(env, "cuSeqlens must rise from 0 to the number of rows, " + std::to_string(labels.size) + ".");
  std::vector<Target> targets;
  for (size_t s = 0; s + 1 < cuSeqlens.size; s++)
    for (int64_t row = cuSeqlens[s]; row + 1 < cuSeqlens[s + 1]; row++) {
      const int32_t label = labels[static_cast<size_t>(row) + 1];
      if (label == ignoredLabel) continue;
      if (label < 0 || label >= vocabulary)
        refuse(env, "labels[" + std::to_string(row + 1) + "] is " + std::to_string(label) + ", expected -100 or 0 to " +
                        std::to_string(vocabulary - 1) + ".");
      targets.push_back({row, label});
    }
  return targets;
}

// Loss of one row; turns its logits into the gradient when `scale` is not 0.
double rowLoss(float* logits, int64_t vocabulary, int32_t label, float scale) {
  float most = logits[0];
#pragma omp simd reduction(max : most)
  for (int64_t i = 0; i < vocabulary; i++) most = logits[i] > most ? logits[i] : most;
  const double wanted = logits[label];
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < vocabulary; i++) {
    logits[i] = fastExp(logits[i] - most);
    sum += logits[i];
  }
  if (scale != 0) {
    const float factor = scale / sum;
    for (int64_t i = 0; i < vocabulary; i++) logits[i] *= factor;
    logits[label] -= scale;
  }
  return static_cast<double>(most) + std::log(static_cast<double>(sum)) - wanted;
}

// linearCrossEntropy(head, hidden, labels, cuSeqlens, scale, dHidden | null) -> { lossSum, count }
Napi::Value linearCrossEntropy(const Napi::CallbackInfo& info) {
  Linear& head = fromHandle<Linear>(info[0]);
  head.projection.resolve();
  const int64_t width = head.projection.in, vocabulary = head.projection.out;
  const Span<int32_t> labels = ints(info[2], "labels");
  const Span<float> hidden = floats(info[1], "hidden", labels.size * static_cast<size_t>(width));
  const std::vector<Target> targets = targetsOf(info.Env(), labels, ints(info[3], "cuSeqlens"), vocabulary);
  const float scale = static_cast<float>(number(info[4], "scale"));
  const Span<float> dHidden = optionalFloats(info[5], "dHidden", hidden.size);
  if (dHidden.data) std::memset(dHidden.data, 0, sizeof(float) * dHidden.size);

  const int64_t count = static_cast<int64_t>(targets.size());
  const int64_t chunk = std::min(count, std::clamp<int64_t>(chunkElements / vocabulary, 64, 1024));
  Scratch x(chunk * width), logits(chunk * vocabulary), dx(dHidden.data ? chunk * width : 0);
  std::vector<double> losses(targets.size());
  for (int64_t first = 0; first < count; first += chunk) {
    const int64_t rows = std::min(chunk, count - first);
    const Target* part = targets.data() + first;
    for (int64_t i = 0; i < rows; i++)
      std::memcpy(x.data() + i * width, hidden.data + part[i].row * width, sizeof(float) * static_cast<size_t>(width));
    linearForward(head, x.data(), rows, logits.data(), {});
    parallelRanges(rows, 4, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; i++)
        losses[static_cast<size_t>(first + i)] =
            rowLoss(logits.data() + i * vocabulary, vocabulary, part[i].label, dHidden.data ? scale : 0);
    });
    if (!dHidden.data) continue;
    linearBackward(head, x.data(), logits.data(), rows, dx.data(), {}, {});
    for (int64_t i = 0; i < rows; i++)
      std::memcpy(dHidden.data + part[i].row * width, dx.data() + i * width, sizeof(float) * static_cast<size_t>(width));
  }
  double sum = 0;
  for (double loss : losses) sum += loss;
  Napi::Object result = Napi::Object::New(info.Env());
  result["lossSum"] = Napi::Number::New(info.Env(), sum);
  result["count"] = Napi::Number::New(info.Env(), static_cast<double>(count));
  return result;
}

TUNELAB_OP(cpu, "linearCrossEntropy", linearCrossEntropy)

}  // namespace

}  // namespace tunelab
