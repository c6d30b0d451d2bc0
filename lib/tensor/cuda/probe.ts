/**
 * Asks for the GPU in a process of its own: a driver that does not fit its libraries may take the asking process down, and
 * must not take the notebook's.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { gibibytes } from "../../gibibytes.js";
import type { DeviceProbe, LoadedAddon } from "../../native/addon.js";

const SCRIPT = `
const { cuda } = require(process.argv[1]);
process.stdout.write("\\n" + JSON.stringify(cuda.probe()));`;

/** A GPU that was put to sleep takes seconds to answer. */
const TIMEOUT_MS = 60_000;

const answers = new Map<string, Promise<DeviceProbe>>();

/** Whether the addon finds a GPU that it can use, or why not; asked once per addon. Never throws. */
export function probeGpu(loaded: LoadedAddon): Promise<DeviceProbe> {
  if (loaded.addon === undefined) return Promise.resolve({ available: false, reason: loaded.reason });
  const { file, addon } = loaded;
  if (addon.cuda === undefined) {
    const reason = `The addon ${file} was built without CUDA. Build it with "npm run build:cuda".`;
    return Promise.resolve({ available: false, reason });
  }
  let answer = answers.get(file);
  if (answer === undefined) {
    answer = ask(file);
    answers.set(file, answer);
  }
  return answer;
}

async function ask(file: string): Promise<DeviceProbe> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ["-e", SCRIPT, file], { env, timeout: TIMEOUT_MS });
    return JSON.parse(stdout.slice(stdout.lastIndexOf("\n") + 1)) as DeviceProbe;
  } catch (error) {
    const { signal, stderr } = error as { signal?: string | null; stderr?: string };
    const line = stderr?.split("\n").find((text) => /Error/.test(text));
    const how = signal ? `ended with ${signal}` : (line ?? "failed");
    return { available: false, reason: `The process that looked for a GPU ${how}.` };
  }
}

/** One sentence: the GPU, its driver and its libraries. */
export function describeGpu(probe: Extract<DeviceProbe, { available: true }>): string {
  const { name, computeCapability, totalMemory, driverVersion, cublasLt, count, index } = probe;
  const which = count > 1 ? `, number ${index} of ${count}` : "";
  return (
    `${name}${which} (${gibibytes(totalMemory)}, compute capability ${computeCapability}) with a driver for CUDA ${driverVersion} ` +
    `and cuBLASLt ${cublasLt.version} from ${cublasLt.path}.`
  );
}
