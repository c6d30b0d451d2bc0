// What the backend holds, and how to make it let go.
#include "arguments.h"
#include "cpu/projection.h"
#include "memory.h"
#include "registrar.h"

namespace tunelab {

// memory() -> { inUse, pooled, peak, panels }, bytes
static Napi::Value memory(const Napi::CallbackInfo& info) {
  const MemoryReport report = memoryReport();
  Napi::Object result = Napi::Object::New(info.Env());
  const auto set = [&](const char* key, size_t bytes) {
    result[key] = Napi::Number::New(info.Env(), static_cast<double>(bytes));
  };
  set("inUse", report.inUse);
  set("pooled", report.pooled);
  set("peak", report.peak);
  set("panels", panelBytes());
  return result;
}

static Napi::Value trim(const Napi::CallbackInfo& info) {
  dropPanels();
  trimMemory();
  return info.Env().Undefined();
}

static Napi::Value setPanelBudgetOp(const Napi::CallbackInfo& info) {
  setPanelBudget(static_cast<size_t>(integer(info[0], "bytes", 0, int64_t{1} << 50)));
  return info.Env().Undefined();
}

TUNELAB_OP(cpu, "memory", memory)
TUNELAB_OP(cpu, "trim", trim)
TUNELAB_OP(cpu, "setPanelBudget", setPanelBudgetOp)

}  // namespace tunelab
