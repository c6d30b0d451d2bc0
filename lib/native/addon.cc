// The module's entry: refuses processors without AVX2 before any other code runs, then exports the registered tables.
// Written against the C interface, because this file alone is compiled for the oldest processor.
#include <node_api.h>

#include "registrar.h"

namespace tunelab {

static Registration* registrations = nullptr;

Registration::Registration(Table table, const char* name, RawCallback callback)
    : table(table), name(name), callback(callback), next(registrations) {
  registrations = this;
}

}  // namespace tunelab

static const char* missingFeature() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2")) return "AVX2";
  if (!__builtin_cpu_supports("fma")) return "FMA";
  if (!__builtin_cpu_supports("bmi2")) return "BMI2";
#endif
  return nullptr;
}

static napi_value makeTable(napi_env env, tunelab::Table table) {
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok) return nullptr;
  for (const tunelab::Registration* entry = tunelab::registrations; entry; entry = entry->next) {
    if (entry->table != table) continue;
    napi_value function;
    if (napi_create_function(env, entry->name, NAPI_AUTO_LENGTH, entry->callback, nullptr, &function) != napi_ok ||
        napi_set_named_property(env, object, entry->name, function) != napi_ok)
      return nullptr;
  }
  return object;
}

NAPI_MODULE_INIT() {
  if (const char* feature = missingFeature()) {
    char message[160];
    snprintf(message, sizeof message,
             "This processor is too old for tunelab's native backend: it lacks %s (x86-64-v3, 2013 or later).", feature);
    napi_throw_error(env, "TUNELAB_CPU_TOO_OLD", message);
    return nullptr;
  }
  napi_set_named_property(env, exports, "cpu", makeTable(env, tunelab::Table::cpu));
  napi_set_named_property(env, exports, "tensor", makeTable(env, tunelab::Table::tensor));
#if defined(TUNELAB_CUDA)
  napi_set_named_property(env, exports, "cuda", makeTable(env, tunelab::Table::cuda));
  napi_set_named_property(env, exports, "cudaTensor", makeTable(env, tunelab::Table::cudaTensor));
#endif
  return exports;
}
