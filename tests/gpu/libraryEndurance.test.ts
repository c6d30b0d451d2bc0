/** What takes long on a GPU: 500 steps in the same memory, and a process that is killed and goes on. */
import { initBackend } from "../../lib/tensor/backend.js";
import { note, onGpu } from "./device.js";
import { flatMemory } from "./flatMemory.js";
import { killedAndResumed } from "./killed.js";

onGpu("the library on the GPU, at length", () => {
  it("trains 500 steps in the same memory", async () => {
    process.env.TUNELAB_PROFILE = "embedded";
    await initBackend("cuda");
    await flatMemory(500, 8, note);
  });

  it("goes on from its checkpoint to the same losses when its process was killed in a step", () =>
    killedAndResumed("cuda"));
});
