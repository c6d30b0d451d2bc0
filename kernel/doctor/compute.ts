/** What computes here, and which profile follows from it. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Finding } from "./finding.js";
import type { ProbeAnswer } from "./probe.js";
import { output } from "./tools.js";

export function checkGpu(): Finding {
  const found = gpus();
  if (found !== undefined) return { name: "GPU", state: "ok", detail: found };
  const hint = "The article's own 14B model needs one; the small model of the repository runs without.";
  return { name: "GPU", state: "optional", detail: "no NVIDIA driver answers", hint };
}

function gpus(): string | undefined {
  const query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"];
  return output("nvidia-smi", query)?.replaceAll("\n", "; ") || undefined;
}

export function checkBackend(): Finding {
  const name = "Backend";
  const answer = ask("backend");
  if (typeof answer === "string") {
    const hint = "Run `npm run setup`; the portable backend needs no compiler.";
    return { name, state: "missing", detail: answer, hint };
  }
  const { backend, text } = answer;
  if (backend === "cuda") return { name, state: "ok", detail: text };
  if (gpus() !== undefined) {
    const hint = "To compute on the GPU: `npm run build:cuda`, which needs nvcc 12.8 or newer, g++ and cmake.";
    return { name, state: "optional", detail: text, hint };
  }
  if (backend === "cpu-native") return { name, state: "ok", detail: text };
  return { name, state: "optional", detail: text, hint: "Slower than the native one; see Compiler above." };
}

export function checkProfile(): Finding {
  const name = "Profile";
  const answer = ask("profile");
  if (typeof answer === "string") return { name, state: "missing", detail: answer };
  return { name, state: "ok", detail: answer.text };
}

/**
 * Tries a part of the library in a process of its own: a native library that does not fit this machine may take its
 * process down. The answer, or one line that says what went wrong.
 */
function ask(part: "backend" | "profile"): ProbeAnswer | string {
  const file = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "probe.ts" : "probe.js", import.meta.url));
  const args = [...process.execArgv, file, part];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 60_000 });
  const last = stdout.trim().split("\n").at(-1) ?? "";
  if (status === 0 && last.startsWith("{")) return JSON.parse(last) as ProbeAnswer;
  if (signal !== null) return `The process that tried it ended with ${signal}.`;
  return stderr.split("\n").find((line) => /Error/.test(line)) ?? "It does not start.";
}
