/**
 * Times the ways of a checkpoint's bytes to the GPU: out of the page cache by readers of several shapes, and a whole
 * network, quantised; with how long JavaScript was away at most, and the memory of GPU and host.
 *   node loading.mjs FOLDER
 */
import { closeSync, fstatSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { loadNetwork, readConfig } from "../../lib/models/load.js";
import { initBackend } from "../../lib/tensor/backend.js";
import { activeCuda } from "../../lib/tensor/cuda/backend.js";
import { gibibytes, stopwatch, writeResults } from "./results.js";

const folder = process.argv[2] ?? ".";
await initBackend("cuda");
const { cuda } = activeCuda()!;
const figures: Record<string, unknown> = {};

const file = readdirSync(folder)
  .filter((name) => name.endsWith(".safetensors"))
  .sort()
  .at(-1)!;
const descriptor = openSync(join(folder, file), "r");
const bytes = Math.min(fstatSync(descriptor).size, 2 ** 31);
const buffer = cuda.createBuffer("u8", bytes);
for (const [threads, mebibytes] of [
  [1, 4],
  [4, 4],
  [8, 4],
  [12, 1],
  [12, 2],
  [12, 4],
  [12, 8],
  [16, 4],
] as const) {
  const reader = cuda.createFileReader({ threads, pieceBytes: mebibytes << 20 });
  const rates: number[] = [];
  for (let i = 0; i < 3; i++) {
    const seconds = stopwatch();
    await cuda.readIntoBuffer(reader, descriptor, 0, buffer);
    cuda.synchronize();
    rates.push(bytes / seconds() / 1e9);
  }
  // The first pins memory.
  const [first, second, third] = rates as [number, number, number];
  const rate = Math.max(second, third);
  figures[`${threads} x ${mebibytes} MiB`] = { first, rate };
  const shape = `${String(threads).padStart(2)} threads, ${String(mebibytes).padStart(2)} MiB at a time`;
  console.log(`${shape}: ${rate.toFixed(1)} GB/s, the first time ${first.toFixed(1)}`);
  cuda.dispose(reader);
}
cuda.dispose(buffer);
closeSync(descriptor);

const config = await readConfig(folder);
for (const run of ["load", "again"]) {
  cuda.trim();
  cuda.resetPeaks();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const seconds = stopwatch();
  let read = 0;
  const onProgress = ({ bytes: done }: { bytes: number }) => {
    read = done;
  };
  const network = await loadNetwork(folder, config, { loadIn4bit: true, computeType: "bfloat16", onProgress });
  const taken = seconds();
  delay.disable();
  const { inUse, peak } = cuda.memory();
  const found = {
    seconds: taken,
    rate: read / taken / 1e9,
    inUseGib: gibibytes(inUse),
    peakGib: gibibytes(peak),
    hostGib: process.resourceUsage().maxRSS / 2 ** 20,
    longestTurnMs: delay.max / 1e6,
  };
  figures[run] = found;
  console.log(
    `${config.numLayers} layers in ${taken.toFixed(2)} s, ${found.rate.toFixed(1)} GB/s; GPU ${found.inUseGib.toFixed(2)} GiB, ` +
      `at most ${found.peakGib.toFixed(2)}; host at most ${found.hostGib.toFixed(2)} GiB; JavaScript away ` +
      `${found.longestTurnMs.toFixed(0)} ms at most`,
  );
  network.dispose();
}
writeResults("loading", figures);
