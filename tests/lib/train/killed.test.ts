/** A killed process on the CPU backend; tests/gpu does the same on a GPU. */
import { killedAndResumed } from "../../gpu/killed.js";

describe("a training run whose process is killed", () => {
  it("resumes from its checkpoint to the same losses", async () => {
    await killedAndResumed("cpu-native");
  }).timeout(120_000);
});
