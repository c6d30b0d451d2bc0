/** Which backend computes: chosen once, from what the machine has, and reported with the reason. */
import * as tf from "@tensorflow/tfjs";
import { fail } from "../errors.js";
import { type DeviceProbe, loadAddon } from "../native/addon.js";
import { activeCuda } from "./cuda/backend.js";
import { describeGpu, probeGpu } from "./cuda/probe.js";
import "./endedByForce.js";
import "./quietCpu.js";
import { asked } from "./setBackend.js";
import { type BackendName, namedBackend, startBackend } from "./startBackend.js";

export interface BackendReport {
  /** The active backend. */
  readonly backend: string;
  /** Why this one: asked for, or what the machine has. */
  readonly reason: string;
  /** Threads of the processor that compute. */
  readonly threads: number;
  /** With "cuda": the GPU, its driver, and the libraries that were found. */
  readonly gpu: Extract<DeviceProbe, { available: true }> | null;
}

let report: BackendReport | null = null;

/** Not as something that tf.setBackend was asked for. */
async function activate(name: string): Promise<void> {
  const { backend } = asked;
  await startBackend(name);
  const done = await tf.setBackend(name);
  asked.backend = backend;
  if (!done) fail(`The backend "${name}" does not start here.`);
  await tf.ready();
}

async function choose(name: string | undefined): Promise<{ name: string; reason: string }> {
  if (name !== undefined) return { name: namedBackend(name), reason: "It was asked for." };
  if (asked.backend !== undefined) return { name: asked.backend, reason: "tf.setBackend asked for it." };
  const wanted = process.env.TUNELAB_BACKEND;
  if (wanted) return { name: namedBackend(wanted, " in TUNELAB_BACKEND"), reason: "TUNELAB_BACKEND asks for it." };
  const loaded = loadAddon();
  if (loaded.addon === undefined) return { name: "wasm", reason: loaded.reason };
  const native = { name: "cpu-native", reason: `The native addon ${loaded.file} loads.` } as const;
  if (loaded.addon.cuda === undefined) return native;
  const probe = await probeGpu(loaded);
  if (probe.available) return { name: "cuda", reason: describeGpu(probe) };
  return { name: "cpu-native", reason: `${native.reason} No GPU computes: ${probe.reason}` };
}

/** tfjs' own backends compute on one thread in Node. */
function threadsOf(name: string): number {
  return name === "cpu-native" || name === "cuda" ? (loadAddon().addon?.cpu.getThreads() ?? 1) : 1;
}

/**
 * Makes a backend the active one of tfjs, and returns its name.
 *
 * @param name one of BACKENDS; without it, the last `tf.setBackend` decides, then `TUNELAB_BACKEND`, else it is the fastest
 * that starts here
 */
export async function initBackend(name?: BackendName): Promise<string> {
  const chosen = await choose(name);
  if (name !== undefined) asked.backend = undefined;
  const { name: backend, reason } = chosen;
  if (report?.backend !== backend || tf.getBackend() !== backend) await activate(backend);
  const probe = activeCuda()?.probe;
  report = { backend, reason, threads: threadsOf(backend), gpu: probe?.available ? probe : null };
  return backend;
}

/** The active backend and why it is the one; null before `initBackend`. */
export function backendReport(): BackendReport | null {
  return report;
}

/** Whether the active backend computes in bfloat16: "cuda" on a GPU of compute capability 8.0 (Ampere) or later. */
export function isBfloat16Supported(): boolean {
  const probe = activeCuda()?.probe;
  return probe?.available === true && Number.parseFloat(probe.computeCapability) >= 8;
}
