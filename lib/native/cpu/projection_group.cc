// Products of one input with several frozen weights and their LoRA pairs: see projection.h for what is fused.
#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "cpu/projection.h"
#include "gemm.h"
#include "parallel.h"

namespace tunelab {

// --- Cache of expanded panels ---------------------------------------------------------------------------------

static size_t panelBudget = size_t{1} << 30;
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

void dropPanels() {
  for (ProjectionGroup* group : groups()) group->dropPanel();
}

// --- Construction ---------------------------------------------------------------------------------------------

ProjectionGroup::ProjectionGroup(std::vector<Projection*> members) : ProjectionMembers(std::move(members)) {
  groups().insert(this);
}

ProjectionGroup::~ProjectionGroup() { groups().erase(this); }

bool ProjectionGroup::allDense() const {
  return rank() == 0 && std::all_of(members_.begin(), members_.end(), [](Projection* m) { return m->weight.dense(); });
}

// The members' A one below the other, [rank, in].
Scratch ProjectionGroup::stackedA() const {
  Scratch stack(rank() * in);
  float* target = stack.data();
  for (const Projection* member : members_) {
    if (!member->lora) continue;
    const int64_t count = member->lora->rank * in;
    std::memcpy(target, member->lora->a, sizeof(float) * static_cast<size_t>(count));
    target += count;
  }
  return stack;
}

// --- Expanding [W | s B] ---------------------------------------------------------------------------------------

// Calls visit(member, first, last, rowInGroup, rankOffset) for the part of each member within group rows [begin, end).
template <typename Visit>
static void eachMember(const std::vector<Projection*>& members, int64_t begin, int64_t end, Visit visit) {
  int64_t row = 0, rankOffset = 0;
  for (const Projection* member : members) {
    const int64_t first = std::max(begin, row), last = std::min(end, row + member->out);
    if (first < last) visit(*member, first - row, last - row, first, rankOffset);
    row += member->out;
    rankOffset += member->lora ? member->lora->rank : 0;
  }
}

// Writes the columns s B of group rows [begin, end) into `tile`, whose row 0 is row `begin`.
void ProjectionGroup::refreshLora(int64_t begin, int64_t end, float* tile) const {
  const int64_t width = rank();
  if (width == 0) return;
  eachMember(members_, begin, end, [&](const Projection& member, int64_t first, int64_t last, int64_t row, int64_t at) {
    for (int64_t i = first; i < last; i++, row++) {
      float* target = tile + (row - begin) * panelStride() + in;
      std::memset(target, 0, sizeof(float) * static_cast<size_t>(width));
      if (!member.lora) continue;
      const int64_t r = member.lora->rank;
      for (int64_t j = 0; j < r; j++) target[at + j] = member.lora->scaling * member.lora->b[i * r + j];
    }
  });
}

void ProjectionGroup::expandTile(int64_t begin, int64_t end, float* tile) const {
  eachMember(members_, begin, end, [&](const Projection& member, int64_t first, int64_t last, int64_t row, int64_t) {
    member.weight.expandRows(first, last, tile + (row - begin) * panelStride(), panelStride());
  });
  refreshLora(begin, end, tile);
}

// True when the whole [W | s B] lies in panel_, up to date.
bool ProjectionGroup::preparePanel() {
  const size_t bytes = sizeof(float) * static_cast<size_t>(out * panelStride());
  const bool fresh = !panel_ || panelWidth_ != panelStride();
  if (fresh) {
    panel_ = Scratch();
    if (tunelab::panelBytes() + bytes > panelBudget) return false;
    panel_ = Scratch(out * panelStride());
    panelWidth_ = panelStride();
  }
  parallelRanges(out, 64, [&](int64_t begin, int64_t end, int) {
    float* rows = panel_.data() + begin * panelStride();
    if (fresh)
      expandTile(begin, end, rows);
    else
      refreshLora(begin, end, rows);
  });
  return true;
}

// --- Forward --------------------------------------------------------------------------------------------------

// x with the dropout mask of one projection applied, [rows, in].
static Scratch masked(const float* x, int64_t stride, int64_t rows, const Projection& member, const Dropout& dropout) {
  Scratch result(rows * member.in);
  const uint32_t key = dropoutKey(dropout.seed, member.index);
  const float probability = member.lora->dropout, keepScale = 1.0f / (1.0f - probability);
  parallelRanges(rows, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++) {
      const float* source = x + row * stride;
      float* target = result.data() + row * member.in;
      const uint32_t base = static_cast<uint32_t>(row) * static_cast<uint32_t>(member.in);
      for (int64_t i = 0; i < member.in; i++)
        target[i] = source[i] * dropoutFactor(key, base + static_cast<uint32_t>(i), probability, keepScale);
    }
  });
  return result;
}

void ProjectionGroup::forwardLowRank(float* x, int64_t rows, const Dropout& dropout) const {
  const int64_t width = rank(), row = stride();
  if (width == 0) return;
  if (!drops(dropout)) {
    const Scratch a = stackedA();
    gemm(Transpose::no, Transpose::yes, rows, width, in, 1, x, row, a.data(), in, 0, x + in, row);
    return;
  }
  int64_t at = in;
  for (const Projection* member : members_) {
    if (!member->lora) continue;
    const Scratch input = masked(x, row, rows, *member, dropout);
    gemm(Transpose::no, Transpose::yes, rows, member->lora->rank, in, 1, input.data(), in, member->lora->a, in, 0,
         x + at, row);
    at += member->lora->rank;
  }
}

void ProjectionGroup::forward(float* x, int64_t rows, float beta, float* y, const Dropout& dropout) {
  if (rows == 0) return;
  const int64_t row = stride();
  forwardLowRank(x, rows, dropout);
  if (allDense()) {
    for (const Projection* member : members_) {
      gemm(Transpose::no, Transpose::yes, rows, member->out, in, 1, x, row, member->weight.dense(), in, beta, y, out);
      y += member->out;
    }
  } else if (preparePanel()) {
    gemm(Transpose::no, Transpose::yes, rows, out, row, 1, x, row, panel_.data(), panelStride(), beta, y, out);
  } else {
    // Each thread expands a tile that stays in its cache and multiplies it at once.
    const int64_t tileRows = std::max<int64_t>(16, (int64_t{1} << 18) / panelStride());
    Scratch tiles(threadCount() * tileRows * panelStride());
    parallelTasks((out + tileRows - 1) / tileRows, [&](int64_t task, int thread) {
      const int64_t begin = task * tileRows, end = std::min(out, begin + tileRows);
      float* tile = tiles.data() + thread * tileRows * panelStride();
      expandTile(begin, end, tile);
      gemmSerial(Transpose::no, Transpose::yes, rows, end - begin, row, 1, x, row, tile, panelStride(), beta, y + begin,
                 out);
    });
  }
}

// --- Backward -------------------------------------------------------------------------------------------------

// dx[:, first .. last) = dy [W | s B][:, first .. last)
void ProjectionGroup::inputProduct(const float* dy, int64_t rows, float* dx, int64_t first, int64_t last) {
  const int64_t row = stride(), width = last - first;
  if (allDense()) {
    float beta = 0;
    for (const Projection* member : members_) {
      gemm(Transpose::no, Transpose::no, rows, in, member->out, 1, dy, out, member->weight.dense(), in, beta, dx, row);
      dy += member->out;
      beta = 1;
    }
  } else if (preparePanel()) {
    gemm(Transpose::no, Transpose::no, rows, width, out, 1, dy, out, panel_.data() + first, panelStride(), 0,
         dx + first, row);
  } else {
    // Tiles add up in dx, so they follow one another; each is expanded and multiplied by all threads.
    const int64_t tileRows = std::min(out, std::max<int64_t>(64, (int64_t{1} << 22) / panelStride()));
    Scratch tile(tileRows * panelStride());
    for (int64_t begin = 0; begin < out; begin += tileRows) {
      const int64_t end = std::min(out, begin + tileRows);
      parallelRanges(end - begin, 16, [&](int64_t low, int64_t high, int) {
        expandTile(begin + low, begin + high, tile.data() + low * panelStride());
      });
      gemm(Transpose::no, Transpose::no, rows, width, end - begin, 1, dy + begin, out, tile.data() + first,
           panelStride(), begin == 0 ? 0 : 1, dx + first, row);
    }
  }
}

static void add(float* target, const float* source, int64_t count) {
  for (int64_t i = 0; i < count; i++) target[i] += source[i];
}

void ProjectionGroup::lowRankBackward(const float* x, int64_t rows, float* dx, bool needInput, const Dropout& dropout,
                                      const LoraGradient* gradients) const {
  const int64_t width = rank(), row = stride();
  if (!drops(dropout)) {
    Scratch sum(width * in);
    gemm(Transpose::yes, Transpose::no, width, in, rows, 1, dx + in, row, x, row, 0, sum.data(), in);
    const float* part = sum.data();
    for (size_t m = 0; m < members_.size(); m++) {
      if (!members_[m]->lora) continue;
      const int64_t count = members_[m]->lora->rank * in;
      if (gradients[m].a) add(gradients[m].a, part, count);
      part += count;
    }
    if (!needInput) return;
    const Scratch a = stackedA();
    gemm(Transpose::no, Transpose::no, rows, in, width, 1, dx + in, row, a.data(), in, 1, dx, row);
    return;
  }
  int64_t at = in;
  for (size_t m = 0; m < members_.size(); m++) {
    const Projection& member = *members_[m];
    if (!member.lora) continue;
    const int64_t r = member.lora->rank;
    if (gradients[m].a) {
      const Scratch input = masked(x, row, rows, member, dropout);
      gemm(Transpose::yes, Transpose::no, r, in, rows, 1, dx + at, row, input.data(), in, 1, gradients[m].a, in);
    }
    if (needInput) {
      Scratch share(rows * in);
      gemm(Transpose::no, Transpose::no, rows, in, r, 1, dx + at, row, member.lora->a, in, 0, share.data(), in);
      const Scratch kept = masked(share.data(), in, rows, member, dropout);
      parallelRanges(rows, 16, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; i++) add(dx + i * row, kept.data() + i * in, in);
      });
    }
    at += r;
  }
}

void ProjectionGroup::backward(const float* x, const float* dy, int64_t rows, float* dx, bool needInput,
                               const Dropout& dropout, const LoraGradient* gradients) {
  if (rows == 0) return;
  const int64_t row = stride();
  if (needInput)
    inputProduct(dy, rows, dx, 0, row);
  else if (row > in)
    inputProduct(dy, rows, dx, in, row);
  if (row == in) return;
  lowRankBackward(x, rows, dx, needInput, dropout, gradients);
  int64_t at = in, column = 0;
  for (size_t m = 0; m < members_.size(); m++) {
    const Projection& member = *members_[m];
    if (member.lora) {
      const int64_t r = member.lora->rank;
      if (gradients[m].b)
        gemm(Transpose::yes, Transpose::no, member.out, r, rows, member.lora->scaling, dy + column, out, x + at, row, 1,
             gradients[m].b, r);
      at += r;
    }
    column += member.out;
  }
}

}  // namespace tunelab
