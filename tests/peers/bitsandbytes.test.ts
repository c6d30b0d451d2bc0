/** NF4 with double quantisation against bitsandbytes, bit for bit, on fresh random values. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { SafetensorsFile } from "../../lib/formats/safetensors.js";
import { bytesOf } from "../../lib/formats/tensorEntry.js";
import { writeSafetensors } from "../../lib/formats/writeSafetensors.js";
import { dequantizeNf4, quantizeNf4 } from "../../lib/quant/nf4.js";
import { createRandom } from "../../lib/random.js";
import { freshFolder, reference } from "./reference.js";

describe("against bitsandbytes", function () {
  this.timeout(120_000);

  it("nibbles, scales and nested scales are equal", async () => {
    const folder = freshFolder();
    const random = createRandom(Date.now());
    const shape = [192, 320];
    const values = Float32Array.from(
      { length: 192 * 320 },
      () => (random.next() + random.next() + random.next() - 1.5) / 20,
    );
    await writeSafetensors(join(folder, "values.safetensors"), [
      { name: "values", dtype: "F32", shape, data: bytesOf(values) },
    ]);
    reference("nf4", folder);
    const expected = SafetensorsFile.open(join(folder, "nf4.safetensors"));
    const offset = expected.readFloat32("offset")[0] as number;
    const state = quantizeNf4(values, { shape, variant: "cpu" });
    assert.deepEqual(Buffer.from(state.packed), Buffer.from(expected.read("packed")));
    assert.ok(Math.abs(state.offset - offset) <= Math.abs(offset) * 2 ** -23, "the mean is torch's within 1 ulp");
    if (state.offset === offset) {
      assert.deepEqual(Buffer.from(state.absmax as Uint8Array), Buffer.from(expected.read("absmax")));
      assert.deepEqual(bytesOf(state.nestedAbsmax), bytesOf(expected.readFloat32("nested_absmax")));
      assert.deepEqual(bytesOf(dequantizeNf4(state)), bytesOf(expected.readFloat32("back")));
    }
    expected.close();
    rmSync(folder, { recursive: true });
  });
});
