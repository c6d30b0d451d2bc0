// Frozen projections with an optional LoRA pair, and groups of them that read the same input.
//
// LoRA rides inside the main product: with t = x Aᵀ written behind x and s B behind W,
//   [x | t] [W | s B]ᵀ = x Wᵀ + s (x Aᵀ) Bᵀ,
// one GEMM for all projections of a group instead of a skinny one each, and in backward dy [W | s B] = [dx | dt].
#pragma once
#include <napi.h>

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "arguments.h"
#include "cpu/nf4.h"
#include "memory.h"
#include "projection_members.h"

namespace tunelab {

// A typed array that JavaScript owns and a native object refers to. Resolved anew at every call: its memory may have
// been detached or transferred meanwhile.
class ArrayRef {
 public:
  ArrayRef() = default;
  explicit ArrayRef(const Napi::Value& array) : reference_(Napi::Persistent(array.As<Napi::Object>())) {}
  bool present() const { return !reference_.IsEmpty(); }
  Napi::Value value() const { return reference_.Value(); }

 private:
  Napi::ObjectReference reference_;
};

// A frozen matrix [out, in]: NF4 or dense float32.
class FrozenMatrix {
 public:
  FrozenMatrix() = default;
  // `descriptor` is { kind: "nf4", state: QuantState } or { kind: "dense", values: Float32Array }.
  FrozenMatrix(const Napi::Value& descriptor, int64_t out, int64_t in, const std::string& name);
  // Looks the arrays up again; call before use in every op.
  void resolve();
  // The values themselves when the matrix is dense, nullptr otherwise.
  const float* dense() const { return dense_; }
  // Rows [begin, end) as float32 into target, whose rows are `stride` apart. Serial.
  void expandRows(int64_t begin, int64_t end, float* target, int64_t stride) const;

 private:
  int64_t out_ = 0, in_ = 0;
  std::string name_;
  ArrayRef values_;
  Napi::ObjectReference state_;
  const float* dense_ = nullptr;
  Nf4Matrix nf4_{};
};

struct Lora {
  ArrayRef aRef, bRef;
  int64_t rank = 0;
  float scaling = 1, dropout = 0;
  const float* a = nullptr;  // [rank, in]
  const float* b = nullptr;  // [out, rank]
};

struct Projection {
  // `descriptor` is { inFeatures, outFeatures, weight, bias, lora }.
  Projection(const Napi::Value& descriptor, const std::string& name, uint32_t index);
  void setLora(const Napi::Value& descriptor);
  void resolve();

  std::string name;
  // Position in q, k, v, o, gate, up, down: keys the dropout mask.
  uint32_t index;
  int64_t in, out;
  FrozenMatrix weight;
  ArrayRef biasRef;
  const float* bias = nullptr;
  std::optional<Lora> lora;
};

// Where a projection's LoRA gradients are added; null pointers are skipped.
struct LoraGradient {
  float* a = nullptr;
  float* b = nullptr;
};

class ProjectionGroup : public ProjectionMembers<Projection> {
 public:
  explicit ProjectionGroup(std::vector<Projection*> members);
  ~ProjectionGroup();
  ProjectionGroup(const ProjectionGroup&) = delete;
  ProjectionGroup& operator=(const ProjectionGroup&) = delete;

  // The row stride of inputs.
  int64_t stride() const { return in + rank(); }

  // y[rows, out] = beta * y + x Wᵀ + LoRA (biases are the caller's). The first `in` columns of x [rows, stride()] hold
  // the input, the rest receives t. Without LoRA x is only read.
  void forward(float* x, int64_t rows, float beta, float* y, const Dropout& dropout);

  // Only the columns t, for a backward pass that follows a recomputed forward.
  void forwardLowRank(float* x, int64_t rows, const Dropout& dropout) const;

  // dx [rows, stride()]: gradient of the input in its first `in` columns, left undefined when !needInput.
  // x as forward left it. Adds to gradients[member].
  void backward(const float* x, const float* dy, int64_t rows, float* dx, bool needInput, const Dropout& dropout,
                const LoraGradient* gradients);

  void dropPanel() { panel_ = Scratch(); }
  size_t panelBytes() const { return panel_.bytes(); }

 private:
  // Rows of panels and tiles start at multiples of a cache line.
  int64_t panelStride() const { return (stride() + 15) / 16 * 16; }
  bool allDense() const;
  Scratch stackedA() const;
  void refreshLora(int64_t begin, int64_t end, float* tile) const;
  void expandTile(int64_t begin, int64_t end, float* tile) const;
  bool preparePanel();
  void inputProduct(const float* dy, int64_t rows, float* dx, int64_t first, int64_t last);
  void lowRankBackward(const float* x, int64_t rows, float* dx, bool needInput, const Dropout& dropout,
                       const LoraGradient* gradients) const;

  // [W | s B], [out, panelStride()], kept between calls while the budget lasts.
  Scratch panel_;
  int64_t panelWidth_ = 0;
};

// Bytes of expanded weights that may be kept between calls (1 GiB by default); larger models expand tile by tile.
void setPanelBudget(size_t bytes);
size_t panelBytes();
void dropPanels();

}  // namespace tunelab
