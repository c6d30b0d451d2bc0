/** Models that the GPU has no room for, with a GPU of as much memory as each case gives it. */
import assert from "node:assert/strict";
import { EMBEDDED_MODEL } from "../../../lib/embedded.js";
import { loadNetwork, readConfig } from "../../../lib/models/load.js";
import { initBackend } from "../../../lib/tensor/backend.js";
import type { ComputeType } from "../../../lib/tensor/cuda/weights.js";
import { heldBytes, setLimit } from "../tensor/cuda/fakeCuda.js";
import { registerFakeCuda, restoreBackendAfterwards } from "../tensor/cuda/register.js";

const MIB = 2 ** 20;

describe("room for a model's weights", () => {
  restoreBackendAfterwards();
  before(async () => {
    registerFakeCuda();
    await initBackend("cuda");
    // Tables of codes stay from the first time on.
    (await load(true, "float32")).dispose();
  });
  afterEach(() => setLimit(Number.POSITIVE_INFINITY));

  const load = async (loadIn4bit: boolean, computeType: ComputeType) =>
    loadNetwork(EMBEDDED_MODEL, await readConfig(EMBEDDED_MODEL), { loadIn4bit, computeType });

  for (const loadIn4bit of [true, false]) {
    for (const computeType of ["float32", "bfloat16"] as const) {
      it(`is asked for before anything is read, ${loadIn4bit ? "NF4 and " : ""}${computeType}`, async () => {
        const before = heldBytes();
        const network = await load(loadIn4bit, computeType);
        const weights = heldBytes() - before;
        network.dispose();
        assert.equal(heldBytes(), before);

        setLimit(before + weights - MIB);
        await assert.rejects(load(loadIn4bit, computeType), (error: Error) => {
          const [, needed, free] = /weights take (\d+) MiB, .* only (\d+) MiB are free\./.exec(error.message) ?? [];
          assert.ok(Math.abs(Number(needed) - weights / MIB) < 1.5, `${error.message} They take ${weights / MIB} MiB.`);
          assert.equal(Number(free), Math.ceil(weights / MIB) - 1);
          assert.equal(/With loadIn4bit: true they take \d+ MiB\. Load/.test(error.message), !loadIn4bit);
          return true;
        });
      });
    }
  }
});
