/** What the CUDA backend says where it cannot work. Each case is a process of its own, for a probe's answer stays. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type DeviceProbe, loadAddon } from "../../lib/native/addon.js";
import { onGpu } from "./device.js";

const loaded = loadAddon();

/** The probe's answer in an environment that differs from this process' in the variables given. */
function probe(variables: Readonly<Record<string, string>>): DeviceProbe {
  assert.ok(loaded.addon);
  const script = "process.stdout.write(JSON.stringify(require(process.argv[1]).cuda.probe()))";
  const env = { ...process.env, ...variables };
  return JSON.parse(execFileSync(process.execPath, ["-e", script, loaded.file], { env, encoding: "utf8" }));
}

function refused(variables: Readonly<Record<string, string>>, reason: RegExp): void {
  const answer = probe(variables);
  assert.ok(!answer.available);
  assert.match(answer.reason, reason);
}

describe("CUDA backend, refusing", () => {
  let folder: string;
  before(function () {
    if (!loaded.addon?.cuda) this.skip();
    folder = mkdtempSync(join(tmpdir(), "tunelab-refusals-"));
  });
  after(() => {
    if (folder) rmSync(folder, { recursive: true });
  });

  /** A shared library of these C functions. */
  function library(name: string, source: string): string {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.c`, source);
    execFileSync("cc", ["-shared", "-fPIC", "-o", path, `${path}.c`]);
    return path;
  }

  it("names the driver's CUDA version and the one that it needs", () => {
    library(
      "libcuda.so.1",
      "int cuInit(unsigned f) { return 0; } int cuDriverGetVersion(int *v) { *v = 11080; return 0; }",
    );
    refused({ LD_LIBRARY_PATH: folder }, /driver is too old: it supports CUDA 11\.8, this backend needs 1\d\.\d\.$/);
  });

  onGpu("where there is a GPU", () => {
    it("names the range that TUNELAB_CUDA_DEVICE may have", () => {
      for (const value of ["99", "-1", "first", "0x", ""])
        refused({ TUNELAB_CUDA_DEVICE: value }, new RegExp(`TUNELAB_CUDA_DEVICE is "${value}", expected 0 to \\d\\.`));
    });

    it("takes each of the GPUs that are there", () => {
      const answer = probe({});
      assert.ok(answer.available);
      for (let index = 0; index < answer.count; index++) {
        const chosen = probe({ TUNELAB_CUDA_DEVICE: String(index) });
        assert.ok(chosen.available);
        assert.equal(chosen.index, index);
      }
    });

    it("names a GPU that is too old, its compute capability and what is needed", () => {
      const driver = /\/\S*libcuda\.so\S*/.exec(readFileSync("/proc/self/maps", "utf8"))?.[0];
      // The driver that is there, but for the number of an architecture (attributes 75 and 76).
      library(
        "turing/libcuda.so.1",
        `#include <dlfcn.h>
         #include <string.h>
         static void *driver(const char *name) { return dlsym(dlopen("${driver}", RTLD_NOW | RTLD_LOCAL), name); }
         int cuInit(unsigned flags) { return ((int (*)(unsigned))driver("cuInit"))(flags); }
         int cuDriverGetVersion(int *version) { return ((int (*)(int *))driver("cuDriverGetVersion"))(version); }
         static int attribute(int *value, int which, int device) {
           if (which == 75) return *value = 7, 0;
           if (which == 76) return *value = 5, 0;
           return ((int (*)(int *, int, int))driver("cuDeviceGetAttribute"))(value, which, device);
         }
         int cuGetProcAddress_v2(const char *name, void **found, int version, unsigned long long flags, int *status) {
           typedef int (*Find)(const char *, void **, int, unsigned long long, int *);
           const int code = ((Find)driver("cuGetProcAddress_v2"))(name, found, version, flags, status);
           if (!strcmp(name, "cuGetProcAddress")) *found = cuGetProcAddress_v2;
           if (!strcmp(name, "cuDeviceGetAttribute")) *found = attribute;
           return code;
         }`,
      );
      refused(
        { LD_LIBRARY_PATH: join(folder, "turing") },
        /The GPU .+ is too old: compute capability 7\.5, the CUDA backend needs 8\.0/,
      );
    });

    it("sees no GPU where the driver shows none", () => {
      refused({ CUDA_VISIBLE_DEVICES: "" }, /sees no GPU/);
    });

    it("says what cuBLASLt is for where the named file is not it, and how to get it", () => {
      refused({ TUNELAB_CUBLASLT: "/nowhere/libcublasLt.so" }, /\/nowhere\/libcublasLt\.so is not there/);
      refused({ TUNELAB_CUBLASLT: library("other.so", "int f;") }, /nvidia-cublas[\s\S]*other\.so lacks functions/);
    });

    it("names the version of a cuBLASLt that is too old", () => {
      const names = [
        ...["Create", "MatmulDescCreate", "MatmulDescDestroy", "MatmulDescSetAttribute", "MatrixLayoutCreate"],
        ...["MatrixLayoutDestroy", "MatrixLayoutSetAttribute", "MatmulPreferenceCreate", "MatmulPreferenceDestroy"],
        ...["MatmulPreferenceSetAttribute", "MatmulAlgoGetHeuristic", "Matmul"],
      ];
      const functions = names.map((name) => `int cublasLt${name}(void) { return 0; }`).join("\n");
      const old = library("old.so", `${functions}\nunsigned long cublasLtGetVersion(void) { return 110900; }`);
      refused({ TUNELAB_CUBLASLT: old }, /old\.so is version 110900, older than 120000/);
    });
  });
});
