/** What computes here, and which profile follows from it. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Finding } from "../doctor.js";
import type { ProbeAnswer } from "./probe.js";
import { output } from "./tools.js";

export function checkGpu(): Finding {
  const query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"];
  const found = output("nvidia-smi", query);
  if (found) return { name: "GPU", state: "ok", detail: found.replaceAll("\n", "; ") };
  const hint = "The article's own 14B model needs one; the small model of the repository runs without.";
  return { name: "GPU", state: "optional", detail: "no NVIDIA driver answers", hint };
}

export function checkBackend(): Finding {
  const name = "Backend";
  const answer = ask("backend");
  if (typeof answer !== "string") return { name, state: answer.native ? "ok" : "optional", detail: answer.text };
  return {
    name,
    state: "missing",
    detail: answer,
    hint: "Run `npm run setup`; the portable backend needs no compiler.",
  };
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
