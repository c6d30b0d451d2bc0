// Frozen projections with an optional LoRA pair, and groups of them that read the same input.
//
// LoRA rides inside the main product: with t = x Aᵀ written behind x and s B behind W,
//   [x | t] [W | s B]ᵀ = x Wᵀ + s (x Aᵀ) Bᵀ,
// one GEMM for all projections of a group instead of a skinny one each, and in backward dy [W | s B] = [dx | dt].
// Gradients of A and B are float32 whatever the activations are.
#pragma once
#include <napi.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cuda/buffer.h"
#include "cuda/frozen_matrix.h"
#include "projection_members.h"

namespace tunelab::cuda {

struct Lora {
  StoragePtr a, b;  // f32 [rank, in], [out, rank]
  int64_t rank = 0;
  float scaling = 1, dropout = 0;
};

struct Projection {
  // `descriptor` is { inFeatures, outFeatures, weight, bias, lora }.
  Projection(const Napi::Value& descriptor, const std::string& name, uint32_t index);
  void setLora(const Napi::Value& descriptor);

  std::string name;
  // Position in q, k, v, o, gate, up, down: keys the dropout mask.
  uint32_t index;
  int64_t in, out;
  FrozenMatrix weight;
  StoragePtr bias;  // f32 [out] or null
  std::optional<Lora> lora;
};

// Where a projection's LoRA gradients are added; null pointers are skipped.
struct LoraGradient {
  StoragePtr a, b;
};
// Reads { a, b }, each a buffer or null.
LoraGradient loraGradient(const Napi::Value& value, const Projection& projection, const std::string& name);

class ProjectionGroup : public ProjectionMembers<Projection> {
 public:
  explicit ProjectionGroup(std::vector<Projection*> members);
  ~ProjectionGroup();
  ProjectionGroup(const ProjectionGroup&) = delete;
  ProjectionGroup& operator=(const ProjectionGroup&) = delete;

  // The row stride of inputs: in + rank, rounded up so that rows keep their alignment.
  int64_t stride() const { return rank() ? (in + rank() + 7) / 8 * 8 : in; }

  // y[rows, out] = beta * base + x Wᵀ + LoRA (biases are the caller's); base may be y. The first `in` columns of
  // x [rows, stride()] hold the input, the rest receives t. Without LoRA x is only read. x, base and y are of `dtype`,
  // save that y may be f32 (`outputType`).
  void forward(void* x, Dtype dtype, int64_t rows, float beta, const void* base, void* y, Dtype outputType, const Dropout& dropout);

  // Only the columns t, for a backward pass that follows a recomputed forward.
  void forwardLowRank(void* x, Dtype dtype, int64_t rows, const Dropout& dropout) const;

  // dx [rows, stride()]: gradient of the input in its first `in` columns, left undefined when !needInput.
  // x as forward left it. Adds to gradients[member]. Rows of dy are `strideDy` apart.
  void backward(const void* x, const void* dy, int64_t strideDy, Dtype dtype, int64_t rows, void* dx, bool needInput,
                const Dropout& dropout, const LoraGradient* gradients);

  bool dropPanel();
  size_t panelBytes() const { return panel_.bytes(); }

 private:
  bool forwardFewRows(void* x, Dtype dtype, int64_t rows, float beta, const void* base, void* y, Dtype outputType) const;
  bool allDense(Dtype dtype) const;
  Block stackedA(Dtype dtype) const;
  void refreshLora(void* panel, Dtype dtype) const;
  // [W | s B], [out, stride()]: kept, or made in `scratch`.
  const void* panel(Dtype dtype, Block& scratch);
  void inputProduct(const void* dy, int64_t strideDy, Dtype dtype, int64_t rows, void* dx, int64_t first, int64_t last);
  void lowRankBackward(const void* x, Dtype dtype, int64_t rows, void* dx, bool needInput, const Dropout& dropout,
                       const LoraGradient* gradients) const;

  Block panel_;
  Dtype panelType_ = Dtype::bf16;
  int64_t panelStride_ = 0;
};

// Bytes of expanded weights that may be kept between calls, 0 by default: on a GPU with room they save the expansion in
// every pass.
void setPanelBudget(size_t bytes);
size_t panelBytes();
bool dropPanels();

}  // namespace tunelab::cuda
