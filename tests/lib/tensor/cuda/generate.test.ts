/** Generation on the backend "cuda", over CPU ops: what stays on the GPU, and that it writes what the host would. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
import type { LoadedModel } from "../../../../lib/models/loadedModel.js";
import { attachLora, detachLora } from "../../../../lib/peft/attach.js";
import { resolveLoraConfig } from "../../../../lib/peft/loraConfig.js";
import { initBackend } from "../../../../lib/tensor/backend.js";
import { activeCuda } from "../../../../lib/tensor/cuda/backend.js";
import { loadTinyModel, writeTinyModel } from "../../models/tinyModel.js";
import { counts, heldBytes, resetCounts } from "./fakeCuda.js";
import { registerFakeCuda, restoreBackendAfterwards } from "./register.js";

const PROMPTS = [[5, 9, 12, 33], [40], [7, 7, 21]];

describe("generate on cuda, over CPU ops", () => {
  const wanted = process.env.TUNELAB_BACKEND;
  let folder: string;
  let model: LoadedModel;
  const on = async (backend: string) => {
    process.env.TUNELAB_BACKEND = backend;
    const loaded = await loadTinyModel(folder);
    assert.equal(tf.getBackend(), backend);
    return loaded;
  };
  before(async () => {
    registerFakeCuda();
    folder = await writeTinyModel();
    model = await on("cuda");
  });
  after(() => {
    model.dispose();
    if (wanted === undefined) delete process.env.TUNELAB_BACKEND;
    else process.env.TUNELAB_BACKEND = wanted;
    rmSync(folder, { recursive: true });
  });
  restoreBackendAfterwards();

  it("writes the host's tokens, ends rows where the host does, and waits for nothing", async () => {
    const options = { maxNewTokens: 14, eosTokenId: null, doSample: false, padTokenId: 3 };
    const held = heldBytes();
    resetCounts();
    const free = await model.generate({ inputIds: PROMPTS, ...options });
    assert.equal(counts.waits, 0);
    // The prompts' pass gives the first token; one step is under way while a token is looked at.
    assert.equal(counts.ops.decoderChoose, 1);
    assert.equal(counts.ops.decoderStep, 13);
    assert.equal(heldBytes(), held);
    const eos = free[1]![5]!;
    const ended = await model.generate({ inputIds: PROMPTS, ...options, eosTokenId: eos });
    const onHost = await on("cpu-native");
    assert.deepEqual(await onHost.generate({ inputIds: PROMPTS, ...options }), free);
    assert.deepEqual(await onHost.generate({ inputIds: PROMPTS, ...options, eosTokenId: eos }), ended);
    onHost.dispose();
    process.env.TUNELAB_BACKEND = "cuda";
    await initBackend();
  });

  it("leaves draws to the host that the GPU does not make", async () => {
    resetCounts();
    const drawn = { inputIds: [PROMPTS[0]!], maxNewTokens: 5, eosTokenId: null, doSample: true };
    await model.generate({ ...drawn, topK: 0 });
    assert.equal(counts.ops.createDecoder, undefined);
    await model.generate(drawn);
    assert.deepEqual([counts.ops.createDecoder, counts.ops.decoderStep], [1, undefined]);
  });

  it("computes a float16 checkpoint in float16, its norms and biases in float32", async () => {
    const own = await writeTinyModel({ dtype: "F16" });
    const half = await loadTinyModel(own, false, "float16");
    rmSync(own, { recursive: true });
    const { embedTokens, norm, layers, computeType } = half.network;
    const { weight, bias } = layers[1]!.projections.k_proj;
    assert.ok(weight.kind === "dense" && bias !== null && computeType === "float16");
    const typeOf = (tensor: tf.Tensor) => activeCuda()!.storage(tensor.dataId).device!.dtype;
    assert.deepEqual([embedTokens, weight.values, norm, bias].map(typeOf), ["f16", "f16", "f32", "f32"]);
    const [text] = await half.generate({ inputIds: [[5, 9, 12]], maxNewTokens: 4, eosTokenId: null });
    assert.equal(text!.length, 7);
    half.dispose();
  });

  it("goes over to an adapter that is exchanged while it writes", async () => {
    resetCounts();
    let seen = 0;
    const attach = () => {
      if (++seen === 4) attachLora(model.network, resolveLoraConfig({ r: 4 }));
    };
    await model.generate({
      inputIds: [PROMPTS[0]!],
      maxNewTokens: 10,
      eosTokenId: null,
      streamer: { put: attach, end: () => undefined },
    });
    detachLora(model.network);
    assert.equal(counts.ops.updateDecoder, 1);
  });
});
