/** The whole library on a GPU: the embedded model against the CPU, the article's 60 steps, memory that runs out. */
import assert from "node:assert/strict";
import { EMBEDDED_MODEL } from "../../lib/embedded.js";
import { pack } from "../../lib/models/causalLm.js";
import { FastLanguageModel } from "../../lib/models/fastLanguageModel.js";
import type { LoadedModel } from "../../lib/models/loadedModel.js";
import { backendReport, initBackend, isBfloat16Supported } from "../../lib/tensor/backend.js";
import { cuda, note, onGpu } from "./device.js";
import { libraryCases } from "./libraryCases.js";

onGpu("the library on the GPU", () => {
  it("picks the GPU by itself and says why", async () => {
    const before = process.env.TUNELAB_BACKEND;
    delete process.env.TUNELAB_BACKEND;
    assert.equal(await initBackend(), "cuda");
    const { gpu, reason } = backendReport()!;
    assert.ok(gpu !== null && reason.includes(gpu.name), reason);
    assert.ok(isBfloat16Supported());
    if (before !== undefined) process.env.TUNELAB_BACKEND = before;
  });

  libraryCases({ steps: 60, questions: 100, note });

  it("goes on after memory ran out in the middle of a pass", async () => {
    await initBackend("cuda");
    const { model } = await FastLanguageModel.fromPretrained({ modelName: EMBEDDED_MODEL });
    const peft = await FastLanguageModel.getPeftModel(model as LoadedModel, { useGradientCheckpointing: false });
    const batch = pack(Array.from({ length: 16 }, (_, i) => Array.from({ length: 500 }, (_, j) => (i + 7 * j) % 300)));
    const step = () => peft.forwardBackward({ ...batch, labels: batch.inputIds }, 8000, { seed: 1 });
    const expected = await step();
    const used = cuda.memory().owners.activations;
    cuda.trim();
    const held = [];
    try {
      for (let bytes = 2 ** 34; bytes >= 2 ** 22; bytes /= 2) {
        for (;;) {
          try {
            held.push(cuda.createBuffer("u8", bytes));
          } catch {
            break;
          }
        }
      }
      await assert.rejects(step, /out of memory[\s\S]*activations: /);
    } finally {
      for (const buffer of held) cuda.dispose(buffer);
    }
    // Buffers of earlier tests may be collected meanwhile.
    assert.ok(cuda.memory().owners.activations.inUse <= used.inUse);
    assert.equal(await step(), expected);
    peft.dispose();
  });

  it("holds no more memory after many steps", async () => {
    await initBackend("cuda");
    const { model } = await FastLanguageModel.fromPretrained({ modelName: EMBEDDED_MODEL });
    const peft = await FastLanguageModel.getPeftModel(model as LoadedModel);
    const batch = pack([Array.from({ length: 300 }, (_, i) => i)]);
    const step = () => peft.forwardBackward({ ...batch, labels: batch.inputIds }, 300, { seed: 1 });
    for (let i = 0; i < 3; i++) await step();
    const { inUse } = cuda.memory();
    for (let i = 0; i < 50; i++) await step();
    assert.equal(cuda.memory().inUse, inUse);
    peft.dispose();
  });
});
