/** Which backend computes: chosen once, from what the machine has, and reported with the reason. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { fail, suggestion } from "../errors.js";
import { type DeviceProbe, loadAddon } from "../native/addon.js";
import { CPU_NATIVE, registerCpuNative } from "./backend/cpuNative.js";
import { activeCuda, CUDA, registerCuda } from "./cuda/backend.js";
import { describeGpu, probeGpu } from "./cuda/probe.js";
import "./endedByForce.js";
import "./quietCpu.js";
import { asked } from "./setBackend.js";

/** Every backend that tunelab knows; "cuda" is there when the addon was built with CUDA and finds a GPU. */
export const BACKENDS = ["cpu-native", "wasm", "cpu", "cuda"] as const;
export type BackendName = (typeof BACKENDS)[number];

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

const CRASH_EVENTS = ["uncaughtException", "unhandledRejection"] as const;

/**
 * Emscripten's start-up code adds listeners that throw whatever error went unhandled anywhere in the process; they are
 * taken off again, so that who embeds the library decides on its own errors.
 */
async function startWasm(): Promise<void> {
  const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
  const file = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(`${dirname(file)}/`);
  const before = CRASH_EVENTS.map((event) => new Set(process.rawListeners(event)));
  await tf.setBackend("wasm");
  CRASH_EVENTS.forEach((event, i) => {
    for (const listener of process.rawListeners(event)) {
      const rethrows = /throw (ex|reason)\b/.test(String(listener));
      if (rethrows && !before[i]!.has(listener)) process.removeListener(event, listener as () => void);
    }
  });
}

function startNative(): void {
  const loaded = loadAddon();
  if (loaded.addon === undefined) {
    fail(`The backend "cpu-native" does not start. ${loaded.reason}`, { hint: "Or use wasm." });
  }
  registerCpuNative(loaded.addon.tensor);
}

async function startCuda(): Promise<void> {
  if (tf.findBackendFactory(CUDA) !== null) return;
  const loaded = loadAddon();
  const probe = await probeGpu(loaded);
  const { cuda, cudaTensor } = loaded.addon ?? {};
  if (!probe.available || loaded.addon === undefined || cuda === undefined || cudaTensor === undefined) {
    const reason = probe.available ? "Its op table is missing." : probe.reason;
    fail(`The backend "cuda" does not start. ${reason}`, { hint: "Or use cpu-native or wasm." });
  }
  registerCpuNative(loaded.addon.tensor);
  registerCuda({ cuda, cudaTensor }, CPU_NATIVE);
}

async function start(name: string): Promise<void> {
  if (name === "cuda") await startCuda();
  if (name === "wasm") await startWasm();
  if (name === "cpu-native") startNative();
}

/** Makes a backend known to tfjs, or says why it cannot be. */
export async function startBackend(name: string): Promise<void> {
  await start(named(name, ""));
}

/** Not as something that tf.setBackend was asked for. */
async function activate(name: string): Promise<void> {
  const { backend } = asked;
  await start(name);
  const done = await tf.setBackend(name);
  asked.backend = backend;
  if (!done) fail(`The backend "${name}" does not start here.`);
  await tf.ready();
}

function named(name: string, source: string): BackendName {
  const known: readonly string[] = BACKENDS;
  if (!known.includes(name)) fail(`Unknown backend "${name}"${source}.`, { hint: suggestion(name, known) });
  return name as BackendName;
}

async function choose(name: string | undefined): Promise<{ name: string; reason: string }> {
  if (name !== undefined) return { name: named(name, ""), reason: "It was asked for." };
  if (asked.backend !== undefined) return { name: asked.backend, reason: "tf.setBackend asked for it." };
  const wanted = process.env.TUNELAB_BACKEND;
  if (wanted) return { name: named(wanted, " in TUNELAB_BACKEND"), reason: "TUNELAB_BACKEND asks for it." };
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
