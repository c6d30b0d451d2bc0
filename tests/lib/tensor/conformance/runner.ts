/**
 * Bundles tfjs' conformance suite and runs it under jasmine in this process, for one backend; prints one line of JSON.
 *
 *     tsx runner.ts <backend>
 */
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { loadAddon } from "../../../../lib/native/addon.js";

/** What the mocha test compares. */
export interface ConformanceResult {
  /** Specs that ran. */
  readonly specs: number;
  /** Full names of the specs that failed, sorted, with their first message. */
  readonly failures: readonly { readonly name: string; readonly message: string }[];
  /** Specs that began while a backend was active, by its name. */
  readonly active: Readonly<Record<string, number>>;
  /** Ops of the addon's table on the host. */
  readonly nativeCalls: number;
  /** Ops of its table on the GPU. */
  readonly cudaCalls: number;
}

interface SpecResult {
  readonly fullName: string;
  readonly status: string;
  readonly failedExpectations: readonly { readonly message: string }[];
}

interface JasmineRunner {
  exitOnCompletion: boolean;
  clearReporters(): void;
  addReporter(reporter: { specDone(result: SpecResult): void }): void;
  randomizeTests(random: boolean): void;
  execute(files: string[]): Promise<unknown>;
}

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../../../../", import.meta.url));
const here = fileURLToPath(new URL("./", import.meta.url));

async function bundle(backend: string): Promise<string> {
  const outfile = path.join(root, "build", "conformance", `${backend}.cjs`);
  mkdirSync(path.dirname(outfile), { recursive: true });
  await build({
    entryPoints: [path.join(here, "suite.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "cjs",
    mainFields: ["module", "main"],
    external: ["jasmine", "jasmine-core"],
    // tfjs' packages list their side effects; without this the specs would be dropped as unused.
    ignoreAnnotations: true,
    logLevel: "error",
  });
  return outfile;
}

async function run(backend: string): Promise<ConformanceResult> {
  process.env.CONFORMANCE_BACKEND = backend;
  process.env.CONFORMANCE_WASM = `${path.dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`;
  if (backend === "cuda") process.env.CONFORMANCE_FAKE_GPU = "1";
  if (backend === "cpu-native" || backend === "cuda") {
    const loaded = loadAddon();
    if (loaded.addon === undefined) throw new Error(loaded.reason);
    process.env.CONFORMANCE_ADDON = loaded.file;
  }
  const file = await bundle(backend);
  const Jasmine = require("jasmine") as new () => JasmineRunner;
  const jasmine = new Jasmine();
  jasmine.exitOnCompletion = false;
  jasmine.clearReporters();
  jasmine.randomizeTests(false);
  const failures: { name: string; message: string }[] = [];
  let specs = 0;
  jasmine.addReporter({
    specDone({ fullName, status, failedExpectations }) {
      if (status === "passed" || status === "failed") specs++;
      if (status === "failed") failures.push({ name: fullName, message: failedExpectations[0]?.message ?? "" });
    },
  });
  await jasmine.execute([file]);
  const { specs: active, ...calls } = (
    globalThis as unknown as {
      conformance: { specs: Record<string, number>; nativeCalls: number; cudaCalls: number };
    }
  ).conformance;
  failures.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { specs, failures, active, ...calls };
}

const write = process.stdout.write.bind(process.stdout);
const result = await run(process.argv[2] ?? "");
write(`${JSON.stringify(result)}\n`, () => process.exit(0));
