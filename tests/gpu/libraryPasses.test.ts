/** Training passes of whole models on a GPU: what is kept where changes no bit, and memory is what was planned. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as tf from "@tensorflow/tfjs";
import { EMBEDDED_MODEL } from "../../lib/embedded.js";
import { pack } from "../../lib/models/causalLm.js";
import { FastLanguageModel } from "../../lib/models/fastLanguageModel.js";
import { loadNetwork, readConfig } from "../../lib/models/load.js";
import { LoadedModel } from "../../lib/models/loadedModel.js";
import { type InputPlace, type PassShape, passPeak } from "../../lib/models/passMemory.js";
import type { Checkpointing } from "../../lib/models/passPlan.js";
import { resolveLoraConfig } from "../../lib/peft/loraConfig.js";
import { PeftModel } from "../../lib/peft/peftModel.js";
import { createRandom } from "../../lib/random.js";
import { initBackend } from "../../lib/tensor/backend.js";
import { activeCuda } from "../../lib/tensor/cuda/backend.js";
import { DeviceQuantState } from "../../lib/tensor/cuda/quantState.js";
import type { ComputeType } from "../../lib/tensor/cuda/weights.js";
import {
  type DecoderLayer,
  type Linear,
  type NetworkParts,
  PROJECTIONS,
  type Saving,
} from "../../lib/tensor/layers.js";
import { releaseModel, releasePassMemory } from "../../lib/tensor/memory.js";
import { trainingPass } from "../../lib/tensor/ops.js";
import { Parameter } from "../../lib/tensor/parameter.js";
import { writeTinyModel } from "../lib/models/tinyModel.js";
import { sizes } from "../lib/native/reference/layers.js";
import { cuda, normError, note, onGpu } from "./device.js";

/** Eight texts of the embedded model's tokens, 30 to 170 each. */
const TEXTS = Array.from({ length: 8 }, (_, i) => {
  return Array.from({ length: 30 + 20 * i }, (_, j) => (7 * i + 11 * j) % 300);
});

onGpu("training passes on the GPU", () => {
  const environment = { TUNELAB_PROFILE: "embedded", TUNELAB_BACKEND: "cuda" };
  const outside = Object.keys(environment).map((key) => [key, process.env[key]] as const);
  before(async () => {
    Object.assign(process.env, environment);
    await initBackend();
  });
  after(() => {
    for (const [key, value] of outside) {
      if (value === undefined) delete process.env[key];
      else process.env[key] = value;
    }
  });

  async function attached(useGradientCheckpointing: Checkpointing, dtype: ComputeType) {
    const loaded = await FastLanguageModel.fromPretrained({ modelName: EMBEDDED_MODEL, dtype });
    const base = loaded.model as LoadedModel;
    const options = { r: 16, randomState: 7, loraDropout: 0.1, useGradientCheckpointing };
    const model = await FastLanguageModel.getPeftModel(base, options);
    const random = createRandom(11);
    for (const parameter of model.trainableParameters()) {
      if (!parameter.name.includes("lora_B")) continue;
      parameter.assign(Float32Array.from({ length: parameter.size }, () => (random.next() - 0.5) * 0.05));
    }
    return model;
  }

  type Model = Awaited<ReturnType<typeof attached>>;

  async function sums(model: Model, groups: readonly (readonly number[][])[]) {
    let loss = 0;
    for (const group of groups) {
      const batch = pack(group);
      loss += await model.forwardBackward({ ...batch, labels: batch.inputIds }, 800, { seed: 3 });
    }
    const gradients = model.trainableParameters().map(({ grad }) => Float32Array.from(grad!.dataSync()));
    for (const parameter of model.trainableParameters()) parameter.zeroGrad();
    return { loss, gradients };
  }

  for (const dtype of ["float32", "bfloat16", "float16"] as const) {
    it(`compute the same bits with every useGradientCheckpointing, in ${dtype}`, async () => {
      let expected: Awaited<ReturnType<typeof sums>> | null = null;
      for (const choice of [false, true, "auto", "unsloth"] as const) {
        const model = await attached(choice, dtype);
        for (let round = 0; round < 3; round++) {
          const result = await sums(model, [TEXTS, TEXTS.slice(0, 3)]);
          expected ??= result;
          assert.deepEqual(result, expected, `${choice}, round ${round}`);
        }
        model.dispose();
      }
    });
  }

  it("add up to the same in 8 passes of 1 text, 2 of 4 and 1 of 8, in float32", async () => {
    const model = await attached("auto", "float32");
    // Masks depend on where a text stands in its pass.
    model.network.training = false;
    const whole = await sums(model, [TEXTS]);
    for (const size of [4, 1]) {
      const groups = Array.from({ length: 8 / size }, (_, i) => TEXTS.slice(i * size, (i + 1) * size));
      const split = await sums(model, groups);
      const worst = Math.max(...split.gradients.map((gradient, i) => normError(gradient, whole.gradients[i]!)));
      const loss = Math.abs(split.loss / whole.loss - 1);
      note(
        `${8 / size} x ${size} against 1 x 8: loss ${loss.toExponential(1)}, worst gradient ${worst.toExponential(1)}`,
      );
      assert.ok(loss <= 1e-5 && worst <= 1e-5, `loss ${loss}, gradient ${worst}`);
    }
    model.dispose();
  });

  for (const computeType of ["float32", "bfloat16", "float16"] as const) {
    it(`leave an embedding in host memory from which the model still writes, in ${computeType}`, async () => {
      const folder = await writeTinyModel();
      const network = await loadNetwork(folder, await readConfig(folder), { loadIn4bit: true, computeType });
      const source = { requested: folder, kind: "folder", directory: folder } as const;
      const model = PeftModel.attach(new LoadedModel(network, source, 64, true, null), resolveLoraConfig({ r: 4 }));
      rmSync(folder, { recursive: true });
      const write = () =>
        model.generate({ inputIds: [[5, 9], [7]], maxNewTokens: 12, eosTokenId: null, doSample: false });
      const before = await write();
      const batch = pack([[5, 9, 12, 33, 2]]);
      await model.forwardBackward({ ...batch, labels: batch.inputIds }, 4, { seed: 1 });
      assert.ok(cuda.memory().host >= 96 * 64 * (computeType === "float32" ? 4 : 2));
      assert.deepEqual(await write(), before);
      model.dispose();
    });
  }

  it("hold what was planned, kept and computed again, on the GPU and on the host", async () => {
    const { parts, shape, dispose } = wideModel();
    const tokens = 4096;
    const ids = Int32Array.from({ length: tokens }, (_, i) => (31 * i) % shape.vocabSize);
    const batch = {
      inputIds: ids,
      labels: ids,
      positions: Int32Array.from(ids, (_, i) => i % 1024),
      cuSeqlens: Int32Array.of(0, 1024, 2048, 3072, 4096),
    };
    const all = (saving: Saving) => new Array<Saving>(shape.numLayers).fill(saving);
    const mixed: readonly Saving[] = ["none", "none", "selected", "none", "selected", "all"];
    const plans: [string, readonly Saving[], InputPlace][] = [
      ["all", all("all"), "device"],
      ["selected", all("selected"), "device"],
      ["none", all("none"), "device"],
      ["none, host", all("none"), "host"],
      ["mixed, host", mixed, "host"],
    ];
    await collectGarbage();
    for (const [name, savings, inputs] of plans) {
      const pass = () =>
        trainingPass(parts, batch, tokens, {
          savings,
          inputs,
          maxTokens: tokens,
          training: true,
          seed: 1,
          lossScale: 1,
        });
      pass().dispose();
      const { inUse } = cuda.memory();
      cuda.resetPeaks();
      pass().dispose();
      const { peak, inUse: after } = cuda.memory();
      const estimate = passPeak(shape, tokens, savings, inputs);
      const ratio = estimate / (peak - inUse);
      note(
        `${name}: ${((peak - inUse) / 2 ** 20).toFixed(0)} MiB at most, estimate ${(100 * (ratio - 1)).toFixed(2)} % off`,
      );
      assert.ok(Math.abs(ratio - 1) < 0.02, `${name}: ${peak - inUse} bytes, estimate ${estimate}`);
      assert.equal(after, inUse, `${name} leaves memory behind`);
    }
    dispose();
    releasePassMemory();
    assert.equal(cuda.memory().host, 0);
  });
});

/** Buffers that earlier tests left would be freed in the middle of a measurement. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  for (let i = 0; i < 3; i++) await turn();
}

/** Six layers, wide enough that the sizes of activations decide; weights are zeros, which take as much memory as others. */
function wideModel(): { parts: NetworkParts; shape: PassShape; dispose(): void } {
  const backend = activeCuda()!;
  const [numLayers, vocabSize, rank] = [6, 2048, 16];
  const geometry = {
    hiddenSize: 1024,
    intermediateSize: 2816,
    numHeads: 8,
    numKvHeads: 2,
    headDim: 128,
    rmsNormEps: 1e-6,
    ropeTheta: 10000,
  };
  const zeros = (dtype: "f32" | "bf16" | "u8", length: number) => {
    const buffer = cuda.createBuffer(dtype, length, "weights");
    cuda.fill(buffer, 0);
    return buffer;
  };
  const vector = (length: number) => backend.tensor<tf.Tensor1D>(zeros("f32", length), [length]);
  const matrix = (rows: number, columns: number) =>
    backend.tensor<tf.Tensor2D>(zeros("bf16", rows * columns), [rows, columns]);
  const parameter = (name: string, rows: number, columns: number) => {
    const initial = tf.zeros([rows, columns]);
    const made = new Parameter(name, initial);
    initial.dispose();
    return made;
  };
  const codes = { code: zeros("f32", 16), nestedCode: zeros("f32", 256) };
  const linear = (inFeatures: number, outFeatures: number): Linear => {
    const blocks = (inFeatures * outFeatures) / 64;
    const device = {
      shape: [outFeatures, inFeatures],
      packed: zeros("u8", 32 * blocks),
      absmax: zeros("u8", blocks),
      nestedAbsmax: zeros("f32", Math.ceil(blocks / 256)),
      blockSize: 64,
      nestedBlockSize: 256,
      offset: 0,
      ...codes,
    };
    return {
      inFeatures,
      outFeatures,
      weight: { kind: "nf4", state: new DeviceQuantState(cuda, device, "bfloat16") },
      bias: null,
      lora: { a: parameter("a", rank, inFeatures), b: parameter("b", outFeatures, rank), scaling: 1, dropout: 0 },
    };
  };
  const layers = Array.from({ length: numLayers }, (): DecoderLayer => {
    const shapes = sizes(geometry);
    const projections = Object.fromEntries(PROJECTIONS.map((name) => [name, linear(...shapes[name])]));
    return {
      geometry,
      inputNorm: vector(geometry.hiddenSize),
      postAttentionNorm: vector(geometry.hiddenSize),
      projections: projections as DecoderLayer["projections"],
    };
  });
  const table = matrix(vocabSize, geometry.hiddenSize);
  const head = matrix(vocabSize, geometry.hiddenSize);
  const norm = vector(geometry.hiddenSize);
  const group = (members: number) => ({ rank: members * rank, expanded: true });
  return {
    parts: {
      layers,
      table: { kind: "dense", values: table },
      norm,
      rmsNormEps: geometry.rmsNormEps,
      head: { kind: "dense", values: head },
    },
    shape: {
      geometry,
      numLayers,
      vocabSize,
      elementBytes: 2,
      groups: { qkv: group(3), o: group(1), gateUp: group(2), down: group(1) },
      headExpanded: false,
      dropout: false,
    },
    dispose() {
      releaseModel(layers, [
        { kind: "dense", values: table },
        { kind: "dense", values: head },
      ]);
      for (const { projections, inputNorm, postAttentionNorm } of layers) {
        tf.dispose([inputNorm, postAttentionNorm]);
        for (const { lora } of Object.values(projections)) {
          lora!.a.dispose();
          lora!.b.dispose();
        }
      }
      tf.dispose([table, head, norm]);
    },
  };
}
