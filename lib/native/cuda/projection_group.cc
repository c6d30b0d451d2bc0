// Groups of projections: one product for all members, LoRA included. See projection.h for what is fused.
#include <algorithm>
#include <set>
#include <utility>

#include "cuda/check.h"
#include "cuda/decode_group.h"
#include "cuda/device.h"
#include "cuda/elementwise.h"
#include "cuda/gemm.h"
#include "cuda/gemv.h"
#include "cuda/projection.h"
#include "cuda/rows.h"

namespace tunelab::cuda {

// --- Cache of expanded panels ---------------------------------------------------------------------------------

static size_t panelBudget = 0;
static std::set<ProjectionGroup*>& groups() {
  static auto* all = new std::set<ProjectionGroup*>();
  return *all;
}

void setPanelBudget(size_t bytes) {
  panelBudget = bytes;
  dropPanels();
}

size_t panelBytes() {
  size_t sum = 0;
  for (const ProjectionGroup* group : groups()) sum += group->panelBytes();
  return sum;
}

bool dropPanels() {
  bool any = false;
  for (ProjectionGroup* group : groups()) any = group->dropPanel() || any;
  return any;
}

// --- Construction ---------------------------------------------------------------------------------------------

ProjectionGroup::ProjectionGroup(std::vector<Projection*> members) : ProjectionMembers(std::move(members)) {
  groups().insert(this);
  setReclaimer(dropPanels);
}

ProjectionGroup::~ProjectionGroup() { groups().erase(this); }

bool ProjectionGroup::dropPanel() {
  const bool had = static_cast<bool>(panel_);
  panel_ = Block();
  return had;
}

bool ProjectionGroup::allDense(Dtype dtype) const {
  return rank() == 0 && std::all_of(members_.begin(), members_.end(), [&](Projection* m) { return m->weight.dense(dtype); });
}

// Element `offset` of an array.
static void* at(void* data, Dtype dtype, int64_t offset) { return static_cast<char*>(data) + offset * static_cast<int64_t>(sizeOf(dtype)); }
static const void* at(const void* data, Dtype dtype, int64_t offset) {
  return static_cast<const char*>(data) + offset * static_cast<int64_t>(sizeOf(dtype));
}
static Block scratchOf(int64_t count, Dtype dtype) { return Block(static_cast<size_t>(count) * sizeOf(dtype), Owner::workspace); }

// The members' A one below the other, zeros below them: [stride() - in, in].
Block ProjectionGroup::stackedA(Dtype dtype) const {
  const int64_t height = stride() - in;
  Block stack = scratchOf(height * in, dtype);
  int64_t row = 0;
  for (const Projection* member : members_) {
    if (!member->lora) continue;
    convert(member->lora->a->data(), Dtype::f32, at(stack.data(), dtype, row * in), dtype, member->lora->rank * in);
    row += member->lora->rank;
  }
  if (row < height)
    cudaCheck(cudaMemsetAsync(at(stack.data(), dtype, row * in), 0, static_cast<size_t>((height - row) * in) * sizeOf(dtype), stream()));
  return stack;
}

// --- Expanding [W | s B] ---------------------------------------------------------------------------------------

void ProjectionGroup::refreshLora(void* panel, Dtype dtype) const {
  if (stride() == in) return;
  int64_t row = 0, rankOffset = 0;
  for (const Projection* member : members_) {
    const int64_t r = member->lora ? member->lora->rank : 0;
    loraColumns(r ? floatsOf(member->lora->b) : nullptr, member->out, r, r ? member->lora->scaling : 0,
                at(panel, dtype, row * stride() + in), dtype, stride(), stride() - in, rankOffset);
    row += member->out;
    rankOffset += r;
  }
}

const void* ProjectionGroup::panel(Dtype dtype, Block& scratch) {
  const auto expand = [&](void* to) {
    int64_t row = 0;
    for (const Projection* member : members_) {
      member->weight.expand(at(to, dtype, row * stride()), dtype, stride());
      row += member->out;
    }
  };
  if (panel_ && panelType_ == dtype && panelStride_ == stride()) {
    refreshLora(panel_.data(), dtype);
    return panel_.data();
  }
  panel_ = Block();
  const size_t bytes = static_cast<size_t>(out * stride()) * sizeOf(dtype);
  const bool keep = tunelab::cuda::panelBytes() + bytes <= panelBudget;
  scratch = Block(bytes, keep ? Owner::weights : Owner::workspace);
  expand(scratch.data());
  refreshLora(scratch.data(), dtype);
  if (!keep) return scratch.data();
  panel_ = std::move(scratch);
  scratch = Block();
  panelType_ = dtype;
  panelStride_ = stride();
  return panel_.data();
}

// --- Forward --------------------------------------------------------------------------------------------------

static DropoutMask maskOf(const Projection& member, const Dropout& dropout) {
  return {dropoutKey(dropout.seed, member.index), member.lora->dropout};
}

void ProjectionGroup::forwardLowRank(void* x, Dtype dtype, int64_t rows, const Dropout& dropout) const {
  const int64_t row = stride(), width = row - in;
  if (width == 0 || rows == 0) return;
  const Block a = stackedA(dtype);
  if (!drops(dropout)) {
    gemm(Transpose::no, Transpose::yes, rows, width, in, 1, {x, dtype, row}, {a.data(), dtype, in}, 0, nullptr,
         {at(x, dtype, in), dtype, row});
    return;
  }
  const int64_t padding = width - rank();
  if (padding)
    cudaCheck(cudaMemset2DAsync(at(x, dtype, row - padding), static_cast<size_t>(row) * sizeOf(dtype), 0,
                                static_cast<size_t>(padding) * sizeOf(dtype), static_cast<size_t>(rows), stream()));
  const Block input = scratchOf(rows * in, dtype);
  int64_t column = 0;
  for (const Projection* member : members_) {
    if (!member->lora) continue;
    maskRows(x, row, input.data(), in, dtype, rows, in, maskOf(*member, dropout));
    gemm(Transpose::no, Transpose::yes, rows, member->lora->rank, in, 1, {input.data(), dtype, in},
         {at(a.data(), dtype, column * in), dtype, in}, 0, nullptr, {at(x, dtype, in + column), dtype, row});
    column += member->lora->rank;
  }
}

// A few rows: the weights are read once as they lie, never expanded. Returns whether there is a kernel for it.
bool ProjectionGroup::forwardFewRows(void* x, Dtype dtype, int64_t rows, float beta, const void* base, void* y, Dtype outputType) const {
  if (beta != 0 && beta != 1) return false;
  if (isHalf(dtype) && rows <= decodeMaxRows) {
    DecodeGroup group = decodeGroup({members_.begin(), members_.end()}, dtype);
    for (DecodeMember& member : group.members) member.bias = nullptr;
    // cuBLASLt is the faster one for more rows of dense weights.
    const bool fewer = group.members[0].dense == nullptr || rows <= 8;
    DecodeCall call{};
    call.dtype = dtype;
    call.x = x;
    call.strideX = stride();
    call.rows = rows;
    call.base = beta != 0 ? base : nullptr;
    call.y = y;
    call.strideY = out;
    call.outputType = outputType;
    call.keepT = true;
    if (fewer && decodeLinearFits(group, call)) {
      const Block t = scratchOf(std::max<int64_t>(rows * group.rank, 1), Dtype::f32);
      call.t = t.as<float>();
      decodeLinear(group, call);
      return true;
    }
  }
  if (rows > gemvMaxRows || members_.size() > gemvMembers) return false;
  GemvGroup group{};
  group.in = static_cast<int>(in);
  group.out = static_cast<int>(out);
  for (const Projection* member : members_) {
    if (!member->weight.nf4()) return false;
    GemvMember& to = group.members[group.count++];
    to.weight = *member->weight.nf4();
    to.out = static_cast<int>(member->out);
    if (!member->lora) continue;
    to.a = floatsOf(member->lora->a);
    to.b = floatsOf(member->lora->b);
    to.rank = static_cast<int>(member->lora->rank);
    to.rankOffset = group.rank;
    to.scaling = member->lora->scaling;
    group.rank += to.rank;
  }
  if (!gemvFits(group, x, stride(), dtype, rows)) return false;
  const Block t = scratchOf(std::max<int64_t>(rows * group.rank, 1), Dtype::f32);
  gemvNf4(group, x, stride(), dtype, rows, t.as<float>(), beta != 0 ? base : nullptr, y, outputType);
  return true;
}

void ProjectionGroup::forward(void* x, Dtype dtype, int64_t rows, float beta, const void* base, void* y, Dtype outputType,
                              const Dropout& dropout) {
  if (rows == 0) return;
  const int64_t row = stride();
  if (!dropout.training && forwardFewRows(x, dtype, rows, beta, base, y, outputType)) return;
  forwardLowRank(x, dtype, rows, dropout);
  if (allDense(dtype)) {
    int64_t column = 0;
    for (const Projection* member : members_) {
      gemm(Transpose::no, Transpose::yes, rows, member->out, in, 1, {x, dtype, row}, {member->weight.dense(dtype), dtype, in}, beta,
           base ? at(base, outputType, column) : nullptr, {at(y, outputType, column), outputType, out});
      column += member->out;
    }
    return;
  }
  Block scratch;
  const void* weights = panel(dtype, scratch);
  gemm(Transpose::no, Transpose::yes, rows, out, row, 1, {x, dtype, row}, {weights, dtype, row}, beta, base, {y, outputType, out});
}

// --- Backward -------------------------------------------------------------------------------------------------

// dx[:, first .. last) = dy [W | s B][:, first .. last)
void ProjectionGroup::inputProduct(const void* dy, int64_t strideDy, Dtype dtype, int64_t rows, void* dx, int64_t first, int64_t last) {
  const int64_t row = stride();
  if (allDense(dtype)) {
    float beta = 0;
    int64_t column = 0;
    for (const Projection* member : members_) {
      gemm(Transpose::no, Transpose::no, rows, in, member->out, 1, {at(dy, dtype, column), dtype, strideDy},
           {member->weight.dense(dtype), dtype, in}, beta, dx, {dx, dtype, row});
      column += member->out;
      beta = 1;
    }
    return;
  }
  Block scratch;
  const void* weights = panel(dtype, scratch);
  gemm(Transpose::no, Transpose::no, rows, last - first, out, 1, {dy, dtype, strideDy}, {at(weights, dtype, first), dtype, row}, 0, nullptr,
       {at(dx, dtype, first), dtype, row});
}

void ProjectionGroup::lowRankBackward(const void* x, Dtype dtype, int64_t rows, void* dx, bool needInput, const Dropout& dropout,
                                      const LoraGradient* gradients) const {
  const int64_t row = stride(), width = row - in;
  const Block a = stackedA(dtype);
  if (!drops(dropout)) {
    const Block sum = scratchOf(width * in, Dtype::f32);
    gemm(Transpose::yes, Transpose::no, width, in, rows, 1, {at(dx, dtype, in), dtype, row}, {x, dtype, row}, 0, nullptr,
         {sum.data(), Dtype::f32, in});
    int64_t part = 0;
    for (size_t m = 0; m < members_.size(); m++) {
      if (!members_[m]->lora) continue;
      const int64_t count = members_[m]->lora->rank * in;
      if (gradients[m].a) addInPlace(floatsOf(gradients[m].a), sum.as<float>() + part, count);
      part += count;
    }
    if (needInput)
      gemm(Transpose::no, Transpose::no, rows, in, width, 1, {at(dx, dtype, in), dtype, row}, {a.data(), dtype, in}, 1, dx, {dx, dtype, row});
    return;
  }
  const Block work = scratchOf(rows * in, dtype);
  int64_t column = 0;
  for (size_t m = 0; m < members_.size(); m++) {
    const Projection& member = *members_[m];
    if (!member.lora) continue;
    const int64_t r = member.lora->rank;
    const DropoutMask mask = maskOf(member, dropout);
    const Matrix dt{at(dx, dtype, in + column), dtype, row};
    if (gradients[m].a) {
      maskRows(x, row, work.data(), in, dtype, rows, in, mask);
      gemm(Transpose::yes, Transpose::no, r, in, rows, 1, dt, {work.data(), dtype, in}, 1, gradients[m].a->data(),
           {gradients[m].a->data(), Dtype::f32, in});
    }
    if (needInput) {
      gemm(Transpose::no, Transpose::no, rows, in, r, 1, dt, {at(a.data(), dtype, column * in), dtype, in}, 0, nullptr,
           {work.data(), dtype, in});
      addMaskedRows(work.data(), in, dx, row, dtype, rows, in, mask);
    }
    column += r;
  }
}

void ProjectionGroup::backward(const void* x, const void* dy, int64_t strideDy, Dtype dtype, int64_t rows, void* dx, bool needInput,
                               const Dropout& dropout, const LoraGradient* gradients) {
  if (rows == 0) return;
  const int64_t row = stride();
  if (needInput)
    inputProduct(dy, strideDy, dtype, rows, dx, 0, row);
  else if (row > in)
    inputProduct(dy, strideDy, dtype, rows, dx, in, row);
  if (row == in) return;
  lowRankBackward(x, dtype, rows, dx, needInput, dropout, gradients);
  int64_t rankColumn = in, column = 0;
  for (size_t m = 0; m < members_.size(); m++) {
    const Projection& member = *members_[m];
    if (member.lora) {
      const int64_t r = member.lora->rank;
      if (gradients[m].b)
        gemm(Transpose::yes, Transpose::no, member.out, r, rows, member.lora->scaling, {at(dy, dtype, column), dtype, strideDy},
             {at(x, dtype, rankColumn), dtype, row}, 1, gradients[m].b->data(), {gradients[m].b->data(), Dtype::f32, r});
      rankColumn += r;
    }
    column += member.out;
  }
}

}  // namespace tunelab::cuda
