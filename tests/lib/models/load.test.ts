import assert from "node:assert/strict";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { openCheckpoint } from "../../../lib/formats/checkpoint.js";
import { bytesOf } from "../../../lib/formats/tensorEntry.js";
import { writeSafetensors } from "../../../lib/formats/writeSafetensors.js";
import { pack } from "../../../lib/models/causalLm.js";
import { nf4Entries } from "../../../lib/quant/checkpoint.js";
import { dequantizeNf4, quantizeNf4 } from "../../../lib/quant/nf4.js";
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

  it("refuses to pack nothing", () => assert.throws(() => pack([[]]), /no tokens/));
});
