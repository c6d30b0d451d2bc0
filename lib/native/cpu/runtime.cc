// What the backend runs on: threads, processor features, versions.
#include <algorithm>

#include "arguments.h"
#include "gemm.h"
#include "parallel.h"
#include "registrar.h"

namespace tunelab {

static Napi::Value setThreads(const Napi::CallbackInfo& info) {
  setThreadCount(static_cast<int>(integer(info[0], "threads", 1, 64)));
  return info.Env().Undefined();
}

static Napi::Value getThreads(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), threadCount()); }

static Napi::Value version(const Napi::CallbackInfo& info) {
  Napi::Object result = Napi::Object::New(info.Env());
  result["blas"] = Napi::String::New(info.Env(), blasVersion());
  result["compiler"] = Napi::String::New(info.Env(), __VERSION__);
  Napi::Array features = Napi::Array::New(info.Env());
  uint32_t count = 0;
#if defined(__x86_64__)
  const auto add = [&](const char* name, bool present) {
    if (present) features[count++] = Napi::String::New(info.Env(), name);
  };
  add("avx2", __builtin_cpu_supports("avx2"));
  add("fma", __builtin_cpu_supports("fma"));
  add("avx512f", __builtin_cpu_supports("avx512f"));
#else
  features[count++] = Napi::String::New(info.Env(), "generic");
#endif
  result["cpuFeatures"] = features;
  return result;
}

TUNELAB_OP(cpu, "setThreads", setThreads)
TUNELAB_OP(cpu, "getThreads", getThreads)
TUNELAB_OP(cpu, "version", version)

}  // namespace tunelab
