/** The whole way of the backend "cuda", from fromPretrained to a saved adapter, over CPU ops; on a GPU see tests/gpu. */
import { initBackend } from "../../../../lib/tensor/backend.js";
import { flatMemory } from "../../../gpu/flatMemory.js";
import { libraryCases } from "../../../gpu/libraryCases.js";
import { registerFakeCuda, restoreBackendAfterwards } from "./register.js";

describe("the library on cuda, over CPU ops", function () {
  this.timeout(300_000);
  before(() => registerFakeCuda());
  libraryCases({ steps: 2, questions: 0, note: () => undefined });

  it("trains in the same memory", async () => {
    const before = process.env.TUNELAB_BACKEND;
    try {
      process.env.TUNELAB_BACKEND = "cuda";
      await initBackend("cuda");
      await flatMemory(20, 1, () => undefined);
    } finally {
      if (before === undefined) delete process.env.TUNELAB_BACKEND;
      else process.env.TUNELAB_BACKEND = before;
    }
  });

  // Last: what the cases set is taken back before.
  restoreBackendAfterwards();
});
