#include "cuda/cublaslt.h"

#include <dlfcn.h>
#include <glob.h>

#include <cstdlib>
#include <vector>

#include "cuda/check.h"
#include "cuda/device.h"

namespace tunelab::cuda::lt {

namespace {

// cuBLASLt 12.0: the oldest that knows every GPU of the build and Hopper's kernels.
constexpr size_t leastVersion = 120000;

struct Attempt {
  Library library;
  std::string reason;
};

void addMatches(std::vector<std::string>& paths, const std::string& pattern) {
  glob_t found;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    for (size_t i = 0; i < found.gl_pathc; i++) paths.emplace_back(found.gl_pathv[i]);
  globfree(&found);
}

// Where the library may lie: named outright, the loader's path, the toolkit, pip wheels of the usual environments.
std::vector<std::string> candidates() {
  if (const char* named = std::getenv("TUNELAB_CUBLASLT")) return {named};
  const char* const files[] = {"libcublasLt.so.13", "libcublasLt.so.12"};
  std::vector<std::string> paths(std::begin(files), std::end(files));
  const auto folder = [&](const std::string& path) {
    for (const char* file : files) addMatches(paths, path + "/" + file);
  };
  for (const char* variable : {"CUDA_HOME", "CUDA_PATH"})
    if (const char* root = std::getenv(variable)) folder(std::string(root) + "/lib64");
  folder("/usr/local/cuda/lib64");
  folder("/usr/local/cuda-1[23]*/lib64");
  folder("/usr/lib/x86_64-linux-gnu");
  folder("/usr/lib/aarch64-linux-gnu");
  std::vector<std::string> environments = {".venv", "/usr/local", "/usr", "/opt/*"};
  for (const char* variable : {"VIRTUAL_ENV", "CONDA_PREFIX"})
    if (const char* root = std::getenv(variable)) environments.insert(environments.begin(), root);
  for (const std::string& root : environments)
    for (const char* site : {"/lib/python3*/site-packages", "/lib/python3*/dist-packages"})
      folder(root + site + "/nvidia/*/lib");
  return paths;
}

template <typename F>
bool bind(void* file, const char* name, F& target) {
  target = reinterpret_cast<F>(dlsym(file, name));
  return target != nullptr;
}

constexpr const char* notThere = "is not there";

// Empty when the library at `path` is good; `into` is then filled.
std::string open(const std::string& path, Library& into) {
  void* file = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (!file) return notThere;
  into.path = path;
  const bool whole = bind(file, "cublasLtCreate", into.create) && bind(file, "cublasLtGetVersion", into.getVersion) &&
                     bind(file, "cublasLtMatmulDescCreate", into.matmulDescCreate) &&
                     bind(file, "cublasLtMatmulDescDestroy", into.matmulDescDestroy) &&
                     bind(file, "cublasLtMatmulDescSetAttribute", into.matmulDescSetAttribute) &&
                     bind(file, "cublasLtMatrixLayoutCreate", into.matrixLayoutCreate) &&
                     bind(file, "cublasLtMatrixLayoutDestroy", into.matrixLayoutDestroy) &&
                     bind(file, "cublasLtMatrixLayoutSetAttribute", into.matrixLayoutSetAttribute) &&
                     bind(file, "cublasLtMatmulPreferenceCreate", into.preferenceCreate) &&
                     bind(file, "cublasLtMatmulPreferenceDestroy", into.preferenceDestroy) &&
                     bind(file, "cublasLtMatmulPreferenceSetAttribute", into.preferenceSetAttribute) &&
                     bind(file, "cublasLtMatmulAlgoGetHeuristic", into.getHeuristic) && bind(file, "cublasLtMatmul", into.matmul);
  if (!whole) return "lacks functions";
  into.version = into.getVersion();
  if (into.version < leastVersion)
    return "is version " + std::to_string(into.version) + ", older than " + std::to_string(leastVersion);
  if (const Status status = into.create(&into.handle); status != 0) return "does not start (status " + std::to_string(status) + ")";
  // The path that the loader took.
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(into.create), &info) && info.dli_fname) into.path = info.dli_fname;
  return "";
}

const Attempt& attempt() {
  static const Attempt* result = [] {
    auto* made = new Attempt();
    std::string problems;
    for (const std::string& path : candidates()) {
      const std::string problem = open(path, made->library);
      if (problem.empty()) return made;
      // Of the usual places, nobody expects more than one to have it.
      if (problem != notThere || std::getenv("TUNELAB_CUBLASLT")) problems += "\n  " + path + " " + problem;
    }
    made->reason =
        "cuBLASLt 12 or 13 was not found. Install the CUDA toolkit, or the PyPI package nvidia-cublas, or name the file "
        "in TUNELAB_CUBLASLT." + problems;
    return made;
  }();
  return *result;
}

}  // namespace

const std::string& unavailable() {
  device();
  return attempt().reason;
}

const Library& library() {
  if (!unavailable().empty()) throw CudaError(attempt().reason);
  return attempt().library;
}

}  // namespace tunelab::cuda::lt
