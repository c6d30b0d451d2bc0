import assert from "node:assert/strict";
import { readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { openCheckpoint } from "../../../lib/formats/checkpoint.js";
import { bytesOf } from "../../../lib/formats/tensorEntry.js";
import { writeSafetensors } from "../../../lib/formats/writeSafetensors.js";
import { pack } from "../../../lib/models/causalLm.js";
import { type LoadProgress, loadNetwork, readConfig } from "../../../lib/models/load.js";
import { nf4Entries } from "../../../lib/quant/checkpoint.js";
import { dequantizeNf4, quantizeNf4 } from "../../../lib/quant/nf4.js";
import { initBackend } from "../../../lib/tensor/backend.js";
import { use } from "../tensor/backends.js";
import { heldBytes } from "../tensor/cuda/fakeCuda.js";
import { loadTinyModel, writeTinyModel } from "./tinyModel.js";

describe("loading a network", () => {
  const folders: string[] = [];
  async function tiny(options?: Parameters<typeof writeTinyModel>[0]): Promise<string> {
    const folder = await writeTinyModel(options);
    folders.push(folder);
    return folder;
  }
  after(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  it("quantises the seven projections and nothing else", async () => {
    const folder = await tiny();
    const model = await loadTinyModel(folder);
    const [layer] = model.network.layers;
    assert.equal(layer?.projections.q_proj.weight.kind, "nf4");
    assert.equal(layer?.projections.down_proj.weight.kind, "nf4");
    assert.equal(model.network.lmHead.kind, "dense");
    const { projections, projectionsIn16Bit } = model.memory();
    assert.ok(projections < 0.3 * projectionsIn16Bit, `${projections} of ${projectionsIn16Bit}`);
    model.dispose();
  });

  it("frees every tensor on dispose, and on failure", async () => {
    const before = tf.memory().numTensors;
    (await loadTinyModel(await tiny())).dispose();
    assert.equal(tf.memory().numTensors, before);
    await assert.rejects(loadTinyModel(await tiny({ drop: ["model.norm.weight"] })), /model\.norm\.weight/);
    assert.equal(tf.memory().numTensors, before);
  });

  it("takes a checkpoint that bitsandbytes quantised as it is, and keeps what that left out", async () => {
    const folder = await tiny();
    const source = openCheckpoint(folder);
    const quantized = "model.layers.0.mlp.up_proj.weight";
    const state = quantizeNf4(source.readFloat32(quantized), { shape: [128, 64], variant: "cuda" });
    const others = source.names
      .filter((name) => name !== quantized)
      .map((name) => ({ name, ...source.info(name), data: source.read(name) }));
    source.close();
    await writeSafetensors(join(folder, "model.safetensors"), [...others, ...nf4Entries(quantized, state)]);
    const model = await loadTinyModel(folder);
    const { up_proj, gate_proj } = model.network.layers[0]!.projections;
    assert.ok(up_proj.weight.kind === "nf4");
    assert.deepEqual(dequantizeNf4(up_proj.weight.state), dequantizeNf4(state));
    assert.equal(gate_proj.weight.kind, "dense");
    model.dispose();
  });

  it("refuses a truncated file", async () => {
    const folder = await tiny();
    const path = join(folder, "model.safetensors");
    truncateSync(path, readFileSync(path).length - 100);
    await assert.rejects(loadTinyModel(folder), /model\.safetensors/);
  });

  it("refuses a tensor of another shape, naming both", async () => {
    const folder = await tiny({ change: { intermediate_size: 192 } });
    await assert.rejects(
      loadTinyModel(folder),
      /gate_proj\.weight has shape \[128, 64\]; config\.json makes it \[192, 64\]/,
    );
  });

  it("refuses weights that are not finite", async () => {
    const folder = await tiny({ drop: ["model.norm.weight"] });
    const source = openCheckpoint(folder);
    const others = source.names.map((name) => ({ name, ...source.info(name), data: source.read(name) }));
    source.close();
    const norm = new Float32Array(64).fill(1);
    norm[3] = Number.NaN;
    const entry = { name: "model.norm.weight", dtype: "F32", shape: [64], data: bytesOf(norm) } as const;
    await writeSafetensors(join(folder, "model.safetensors"), [...others, entry]);
    await assert.rejects(loadTinyModel(folder), /model\.norm\.weight holds NaN at element 3/);
  });

  it("refuses a config.json that is not JSON", async () => {
    const folder = await tiny();
    writeFileSync(join(folder, "config.json"), "{");
    await assert.rejects(loadTinyModel(folder), /config\.json cannot be read as JSON/);
  });

  for (const backend of ["cpu-native", "wasm", "cuda"] as const) {
    describe(`on ${backend}`, () => {
      before(() => use(backend));
      after(() => initBackend());

      const load = async (folder: string, onProgress: (progress: LoadProgress) => void) =>
        loadNetwork(folder, await readConfig(folder), { loadIn4bit: true, onProgress });

      for (const dtype of ["F32", "BF16", "F16"] as const) {
        it(`loads ${dtype}`, async () => {
          const folder = await tiny({ dtype });
          const network = await load(folder, () => undefined);
          const source = openCheckpoint(folder);
          assert.deepEqual(network.norm.dataSync(), source.readFloat32("model.norm.weight"));
          assert.deepEqual(network.embedTokens.dataSync(), source.readFloat32("model.embed_tokens.weight"));
          const name = "model.layers.1.mlp.down_proj.weight";
          const { weight } = network.layers[1]!.projections.down_proj;
          const variant = backend === "cuda" ? "cuda" : "cpu";
          const expected = quantizeNf4(source.readFloat32(name), { shape: [64, 128], variant });
          assert.ok(weight.kind === "nf4");
          assert.deepEqual(weight.state.packed, expected.packed);
          assert.equal(weight.state.offset, expected.offset);
          source.close();
          network.dispose();
        });
      }

      it("says how far it is", async () => {
        const folder = await tiny();
        const reports: LoadProgress[] = [];
        (await load(folder, (report) => reports.push(report))).dispose();
        assert.deepEqual(
          reports.map(({ layersDone, layers }) => [layersDone, layers]),
          [
            [1, 2],
            [2, 2],
          ],
        );
        const [first, second] = reports;
        assert.ok(first!.bytes > 0 && second!.bytes > first!.bytes && second!.seconds >= first!.seconds);
      });

      const failing = async (folder: string, onProgress: () => void, expected: RegExp): Promise<Error> => {
        const held = [tf.memory().numTensors, heldBytes()];
        let error = new Error("It did not fail.");
        await load(folder, onProgress).catch((thrown: Error) => {
          error = thrown;
        });
        assert.match(error.message, expected);
        assert.deepEqual([tf.memory().numTensors, heldBytes()], held);
        return error;
      };

      it("stops when it is interrupted, and frees what it has", async () => {
        const folder = await tiny();
        const hook = Symbol.for("tunelab.interrupt");
        const listeners = new Set<() => void>();
        const hub = {
          onInterrupt(listener: () => void) {
            listeners.add(listener);
            return () => listeners.delete(listener);
          },
        };
        try {
          Object.assign(globalThis, { [hook]: hub });
          const interrupt = () => {
            for (const listener of listeners) listener();
          };
          await failing(folder, interrupt, /Loading was interrupted after [12] of 2 layers/);
          assert.equal(listeners.size, 0);
        } finally {
          delete (globalThis as Record<symbol, unknown>)[hook];
        }
      });

      it("refuses a file that was written to meanwhile", async () => {
        const file = join(await tiny(), "model.safetensors");
        await failing(dirname(file), () => utimesSync(file, 1, 1), /model\.safetensors was changed while it was read/);
      });

      it("refuses a file that was cut short meanwhile", async () => {
        const file = join(await tiny(), "model.safetensors");
        const cut = () => truncateSync(file, 2000);
        const { cause } = await failing(dirname(file), cut, /model\.safetensors was changed while it was read/);
        // On the GPU's way all was read by then.
        if (backend !== "cuda") assert.match((cause as Error).message, /ended at byte \d+ while it was read/);
      });
    });
  }

  it("refuses to pack nothing", () => assert.throws(() => pack([[]]), /no tokens/));
});
