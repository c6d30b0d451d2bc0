/** `tunelab doctor`: what this machine has, what is missing, and how to get it. */
import type { Writable } from "node:stream";
import { checkBackend, checkGpu, checkProfile } from "./doctor/compute.js";
import type { Finding } from "./doctor/finding.js";
import { checkCompiler, checkKernel, checkNode, checkPython } from "./doctor/tools.js";

const checks: readonly (() => Finding | Promise<Finding>)[] = [
  checkNode,
  checkKernel,
  checkPython,
  checkCompiler,
  checkGpu,
  checkBackend,
  checkProfile,
];

const marks = { ok: "ok", optional: "-", missing: "MISSING" };

/** Writes the report; the exit code is 0 when tunelab can be used here. */
export async function doctor(out: Pick<Writable, "write">): Promise<number> {
  let code = 0;
  for (const check of checks) {
    const { name, state, detail, hint } = await check();
    out.write(`${marks[state].padEnd(8)} ${name.padEnd(10)} ${detail}\n`);
    if (hint !== undefined) out.write(`${"".padEnd(20)}${hint}\n`);
    if (state === "missing") code = 1;
  }
  return code;
}
