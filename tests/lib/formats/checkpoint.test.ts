import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, readSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { openCheckpoint, writeCheckpoint } from "../../../lib/formats/checkpoint.js";
import { fromFloat32 } from "../../../lib/formats/toFloat32.js";
import type { TensorToWrite } from "../../../lib/formats/writeSafetensors.js";
import { temporaryDirectory } from "./temporaryDirectory.js";

const entry = (name: string, ...values: number[]): TensorToWrite => ({
  name,
  dtype: "F32",
  shape: [values.length],
  data: fromFloat32("F32", Float32Array.from(values)),
});
const three = [entry("c", 1, 2), entry("a", 3), entry("b", 4, 5)];

describe("a checkpoint folder", () => {
  const path = temporaryDirectory();

  it("is one file when the tensors fit, shards with an index when they do not", async () => {
    await writeCheckpoint(path("one"), three);
    assert.deepEqual(readdirSync(path("one")), ["model.safetensors"]);
    await writeCheckpoint(path("many"), three, { maxShardBytes: 12 });
    assert.deepEqual(readdirSync(path("many")), [
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
      "model.safetensors.index.json",
    ]);
    assert.deepEqual(JSON.parse(readFileSync(path("many", "model.safetensors.index.json"), "utf8")), {
      metadata: { total_size: 20 },
      weight_map: {
        a: "model-00001-of-00002.safetensors",
        b: "model-00002-of-00002.safetensors",
        c: "model-00001-of-00002.safetensors",
      },
    });
  });

  for (const layout of ["one", "many"]) {
    it(`reads the same either way (${layout})`, () => {
      const checkpoint = openCheckpoint(path(layout));
      assert.deepEqual([...checkpoint.names].sort(), ["a", "b", "c"]);
      assert.deepEqual(checkpoint.info("b"), { dtype: "F32", shape: [2] });
      assert.deepEqual(checkpoint.readFloat32("b"), Float32Array.of(4, 5));
      const { path: file, descriptor, offset, length } = checkpoint.locate("b");
      const bytes = new Uint8Array(length);
      assert.equal(readSync(descriptor, bytes, 0, length, offset), 8);
      assert.deepEqual(bytes, checkpoint.read("b"));
      checkpoint.ensureUnchanged();
      utimesSync(file, 1, 1);
      const cause = new Error("why");
      assert.throws(() => checkpoint.ensureUnchanged(cause), { message: /was changed while it was read/, cause });
      assert.throws(() => checkpoint.read("d"), /has no tensor "d"/);
      checkpoint.close();
    });
  }

  it("drops the files of an earlier save with other shards, and no others", async () => {
    writeFileSync(path("many", "config.json"), "{}");
    await writeCheckpoint(path("many"), three, { maxShardBytes: 8 });
    assert.equal(readdirSync(path("many")).filter((name) => name.endsWith("of-00003.safetensors")).length, 3);
    assert.equal(readdirSync(path("many")).length, 5);
    await writeCheckpoint(path("many"), three);
    assert.deepEqual(readdirSync(path("many")), ["config.json", "model.safetensors"]);
  });

  it("says what is missing", async () => {
    mkdirSync(path("empty"));
    assert.throws(() => openCheckpoint(path("empty")), /holds neither model\.safetensors nor/);
    writeFileSync(path("empty", "pytorch_model.bin"), "");
    assert.throws(() => openCheckpoint(path("empty")), /pytorch_model\.bin is a Python pickle/);
    await writeCheckpoint(path("gone"), three, { maxShardBytes: 12 });
    rmSync(path("gone", "model-00002-of-00002.safetensors"));
    assert.throws(
      () => openCheckpoint(path("gone")),
      /names the shard model-00002-of-00002\.safetensors, which is not there/,
    );
  });

  it("refuses an index that lies", () => {
    mkdirSync(path("lie"));
    const index = (text: string): void => writeFileSync(path("lie", "model.safetensors.index.json"), text);
    index("{");
    assert.throws(() => openCheckpoint(path("lie")), /index\.json is not JSON/);
    index('{"metadata": {}}');
    assert.throws(() => openCheckpoint(path("lie")), /has no weight_map/);
    index('{"weight_map": {"a": "../secret.safetensors"}}');
    assert.throws(() => openCheckpoint(path("lie")), /names a shard "\.\.\/secret\.safetensors"/);
    writeFileSync(path("lie", "x.safetensors"), readFileSync(path("one", "model.safetensors")));
    index('{"weight_map": {"z": "x.safetensors"}}');
    assert.throws(() => openCheckpoint(path("lie")), /says that "z" is in x\.safetensors, but it is not/);
  });
});
