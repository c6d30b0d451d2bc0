// What the backend runs on and what it holds.
#include "cuda/buffer.h"
#include "cuda/cublaslt.h"
#include "cuda/device.h"
#include "cuda/host_memory.h"
#include "cuda/memory.h"
#include "registrar.h"

namespace tunelab::cuda {

namespace {

std::string versionText(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// probe() -> { available, reason?, ... }; never throws for want of a GPU
Napi::Value probe(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  const auto refused = [&](const std::string& reason) {
    result["available"] = Napi::Boolean::New(env, false);
    result["reason"] = Napi::String::New(env, reason);
    return result;
  };
  if (!unavailable().empty()) return refused(unavailable());
  if (!lt::unavailable().empty()) return refused(lt::unavailable());
  const Device& found = device();
  const auto number = [&](double value) { return Napi::Number::New(env, value); };
  result["available"] = Napi::Boolean::New(env, true);
  result["name"] = Napi::String::New(env, found.name);
  result["index"] = number(found.index);
  result["count"] = number(found.count);
  result["computeCapability"] = Napi::String::New(env, std::to_string(found.major) + "." + std::to_string(found.minor));
  result["multiprocessors"] = number(found.multiprocessors);
  result["totalMemory"] = number(static_cast<double>(found.totalMemory));
  result["memoryPools"] = Napi::Boolean::New(env, found.hasMemoryPools);
  result["driverVersion"] = Napi::String::New(env, versionText(found.driverVersion));
  result["runtimeVersion"] = Napi::String::New(env, versionText(found.runtimeVersion));
  Napi::Object cublas = Napi::Object::New(env);
  cublas["path"] = Napi::String::New(env, lt::library().path);
  cublas["version"] = number(static_cast<double>(lt::library().version));
  result["cublasLt"] = cublas;
  return result;
}

// memory() -> { inUse, peak, reserved, reservedPeak, free, total, host, owners: { weights: { inUse, peak }, ... } }, bytes
Napi::Value memory(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  device();
  const MemoryReport report = memoryReport();
  const auto bytes = [&](size_t value) { return Napi::Number::New(env, static_cast<double>(value)); };
  Napi::Object result = Napi::Object::New(env), owners = Napi::Object::New(env);
  for (int i = 0; i < ownerCount; i++) {
    Napi::Object owner = Napi::Object::New(env);
    owner["inUse"] = bytes(report.inUse[i]);
    owner["peak"] = bytes(report.peaks[i]);
    owners[ownerNames[i]] = owner;
  }
  result["inUse"] = bytes(report.total);
  result["peak"] = bytes(report.peak);
  result["reserved"] = bytes(report.reserved);
  result["reservedPeak"] = bytes(report.reservedPeak);
  result["free"] = bytes(report.deviceFree);
  result["total"] = bytes(report.deviceTotal);
  result["host"] = bytes(hostBytes());
  result["owners"] = owners;
  return result;
}

Napi::Value resetPeaksOp(const Napi::CallbackInfo& info) {
  resetPeaks();
  return info.Env().Undefined();
}

Napi::Value trim(const Napi::CallbackInfo& info) {
  trimMemory();
  return info.Env().Undefined();
}

TUNELAB_OP(cuda, "probe", probe)
TUNELAB_OP(cuda, "memory", memory)
TUNELAB_OP(cuda, "resetPeaks", resetPeaksOp)
TUNELAB_OP(cuda, "trim", trim)

}  // namespace

}  // namespace tunelab::cuda
