// Embedding: rows of a linear layer's weight, so that a tied head and its table are one object, dense or NF4.
#include "cpu/linear.h"
#include "parallel.h"
#include "registrar.h"

namespace tunelab {

// embedding(linear, ids, y [ids, inFeatures])
static Napi::Value embedding(const Napi::CallbackInfo& info) {
  Linear& table = fromHandle<Linear>(info[0]);
  table.projection.resolve();
  const int64_t width = table.projection.in, vocabulary = table.projection.out;
  const Span<int32_t> ids = ints(info[1], "ids");
  const Span<float> y = floats(info[2], "y", ids.size * static_cast<size_t>(width));
  for (size_t i = 0; i < ids.size; i++)
    if (ids[i] < 0 || ids[i] >= vocabulary)
      refuse(info.Env(), "ids[" + std::to_string(i) + "] is " + std::to_string(ids[i]) + ", expected 0 to " +
                             std::to_string(vocabulary - 1) + ".");
  parallelRanges(static_cast<int64_t>(ids.size), 64, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; i++)
      table.projection.weight.expandRows(ids.data[i], ids.data[i] + 1, y.data + i * width, width);
  });
  return info.Env().Undefined();
}

TUNELAB_OP(cpu, "embedding", embedding)

}  // namespace tunelab
