/** tunelab's backends: each is made known to tfjs when it is first asked for, or says why it does not start here. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { fail, suggestion } from "../errors.js";
import { loadAddon } from "../native/addon.js";
import { CPU_NATIVE, registerCpuNative } from "./backend/cpuNative.js";
import { CUDA } from "./cuda/backend.js";
import { probeGpu } from "./cuda/probe.js";
import { registerCuda } from "./cuda/register.js";

/** Every backend that tunelab knows; "cuda" is there when the addon was built with CUDA and finds a GPU. */
export const BACKENDS = ["cpu-native", "wasm", "cpu", "cuda"] as const;
export type BackendName = (typeof BACKENDS)[number];

/** @param source where an unknown name comes from, for the message */
export function namedBackend(name: string, source = ""): BackendName {
  const known: readonly string[] = BACKENDS;
  if (!known.includes(name)) fail(`Unknown backend "${name}"${source}.`, { hint: suggestion(name, known) });
  return name as BackendName;
}

/** Makes a backend known to tfjs; one that is not tunelab's is left to tfjs. */
export async function startBackend(name: string): Promise<void> {
  if (name === "cuda") await startCuda();
  if (name === "wasm") await startWasm();
  if (name === "cpu-native") startNative();
}

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
