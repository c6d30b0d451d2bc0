/**
 * The article's training set-up on a model of the shape of DeepSeek-R1-Distill-Qwen-14B with random weights: loads a
 * checkpoint in bfloat16, quantises it on the GPU, trains LoRA on rows of the article's lengths, and decodes. Prints times
 * and who held how much memory.
 *   node article.mjs [layers, 4 by default; the model has 48, which take 28 GB of disk] [steps]
 * TUNELAB_GPU_CHECKPOINTING=false keeps everything for the backward pass instead of computing it again.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EMBEDDED_MODEL } from "../../lib/embedded.js";
import { writeCheckpoint } from "../../lib/formats/checkpoint.js";
import { float32ToBf16 } from "../../lib/formats/halves.js";
import { bytesOf } from "../../lib/formats/tensorEntry.js";
import type { TensorToWrite } from "../../lib/formats/writeSafetensors.js";
import { FastLanguageModel } from "../../lib/models/fastLanguageModel.js";
import { projectionPath } from "../../lib/peft/attach.js";
import { createRandom } from "../../lib/random.js";
import { initBackend } from "../../lib/tensor/backend.js";
import type { Projection } from "../../lib/tensor/layers.js";
import { SFTTrainer } from "../../lib/train/sftTrainer.js";
import { TrainingArguments } from "../../lib/train/trainingArguments.js";

const [layers = 4, steps = 6] = process.argv.slice(2).map(Number);
const [hidden, intermediate, vocabulary, keys] = [5120, 13824, 152064, 1024];
const config = {
  architectures: ["Qwen2ForCausalLM"],
  model_type: "qwen2",
  hidden_size: hidden,
  intermediate_size: intermediate,
  num_hidden_layers: layers,
  num_attention_heads: 40,
  num_key_value_heads: 8,
  vocab_size: vocabulary,
  max_position_embeddings: 131072,
  rms_norm_eps: 1e-5,
  rope_theta: 1e6,
  tie_word_embeddings: false,
  hidden_act: "silu",
  bos_token_id: 1,
  eos_token_id: 2,
  torch_dtype: "bfloat16",
};

const random = createRandom(3);
const noise = float32ToBf16(Float32Array.from({ length: 1 << 22 }, () => (random.next() - 0.5) * 0.05));
const ones = float32ToBf16(new Float32Array(hidden).fill(1));

/** Noise over and over: what it says does not matter here, only its size and spread. */
function matrix(rows: number, columns: number): Uint8Array {
  const bits = new Uint16Array(rows * columns);
  for (let at = 0; at < bits.length; at += noise.length) bits.set(noise.subarray(0, bits.length - at), at);
  return bytesOf(bits);
}

function* checkpoint(): Generator<TensorToWrite> {
  const tensor = (name: string, shape: number[], data: () => Uint8Array): TensorToWrite => {
    return { name: `${name}`, dtype: "BF16", shape, data: async () => data() };
  };
  const dense = (name: string, rows: number, columns: number) =>
    tensor(`${name}.weight`, [rows, columns], () => matrix(rows, columns));
  const vector = (name: string, length: number) => tensor(name, [length], () => bytesOf(ones.subarray(0, length)));
  yield dense("model.embed_tokens", vocabulary, hidden);
  const shapes: [Projection, number, number][] = [
    ["q_proj", hidden, hidden],
    ["k_proj", keys, hidden],
    ["v_proj", keys, hidden],
    ["o_proj", hidden, hidden],
    ["gate_proj", intermediate, hidden],
    ["up_proj", intermediate, hidden],
    ["down_proj", hidden, intermediate],
  ];
  for (let layer = 0; layer < layers; layer++) {
    yield vector(`model.layers.${layer}.input_layernorm.weight`, hidden);
    yield vector(`model.layers.${layer}.post_attention_layernorm.weight`, hidden);
    for (const [name, rows, columns] of shapes) {
      yield dense(projectionPath(layer, name), rows, columns);
      if (["q_proj", "k_proj", "v_proj"].includes(name)) yield vector(`${projectionPath(layer, name)}.bias`, rows);
    }
  }
  yield vector("model.norm.weight", hidden);
  yield dense("lm_head", vocabulary, hidden);
}

const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
let started = performance.now();
function lap(what: string): number {
  const seconds = (performance.now() - started) / 1000;
  console.log(`${what}: ${seconds.toFixed(1)} s, process at most ${gibibytes(1024 * process.resourceUsage().maxRSS)}`);
  started = performance.now();
  return seconds;
}

const folder = mkdtempSync(join(tmpdir(), "tunelab-article-"));
try {
  console.log(`${layers} layers; backend ${await initBackend("cuda")}`);
  process.env.TUNELAB_BACKEND = "cuda";
  const directory = join(folder, "model");
  mkdirSync(directory);
  writeFileSync(join(directory, "config.json"), JSON.stringify(config));
  for (const file of ["tokenizer.json", "tokenizer_config.json"])
    copyFileSync(join(EMBEDDED_MODEL, file), join(directory, file));
  started = performance.now();
  await writeCheckpoint(directory, checkpoint(), { maxShardBytes: 5e9 });
  lap("checkpoint written");
  const { model, tokenizer } = await FastLanguageModel.fromPretrained({ modelName: directory, maxSeqLength: 2048 });
  lap("loaded and quantised");
  const peft = await FastLanguageModel.getPeftModel(model, {
    r: 16,
    loraAlpha: 16,
    useGradientCheckpointing: process.env.TUNELAB_GPU_CHECKPOINTING === "false" ? false : "unsloth",
  });
  lap("adapter attached");
  const rows = Array.from({ length: 8 * steps }, (_, i) => {
    const length = 435 + ((i * 613) % 600);
    return { input_ids: Array.from({ length }, () => Math.floor(random.next() * 150000)) };
  });
  const seconds: number[] = [];
  const losses: number[] = [];
  const tokens: number[] = [];
  let last = 0;
  const trainer = new SFTTrainer({
    model: peft,
    tokenizer,
    trainDataset: rows,
    callbacks: [
      {
        onStepBegin: () => {
          last = performance.now();
        },
        onStepEnd: ({ step }) => {
          seconds.push((performance.now() - last) / 1000);
          losses.push(step!.loss);
          tokens.push(step!.tokens);
        },
      },
    ],
    args: new TrainingArguments({
      perDeviceTrainBatchSize: 2,
      gradientAccumulationSteps: 4,
      maxSteps: steps,
      learningRate: 2e-4,
      optim: "adamw_8bit",
      weightDecay: 0.01,
      bf16: true,
      saveStrategy: "no",
      disableTqdm: true,
      outputDir: join(folder, "outputs"),
    }),
  });
  await trainer.train();
  lap("trained");
  seconds.forEach((time, i) => {
    const rate = (tokens[i]! / time).toFixed(0);
    console.log(
      `  step ${i + 1}: ${time.toFixed(3)} s, ${tokens[i]} tokens, ${rate} tok/s, loss ${losses[i]!.toFixed(4)}`,
    );
  });
  const held = peft.memory().gpu!;
  for (const [owner, { inUse, peak }] of Object.entries(held.owners)) {
    console.log(`  ${owner.padEnd(12)} ${gibibytes(inUse).padStart(10)} now, ${gibibytes(peak).padStart(10)} at most`);
  }
  console.log(
    `  ${"all".padEnd(12)} ${gibibytes(held.inUse).padStart(10)} now, ${gibibytes(held.peak).padStart(10)} at most`,
  );
  FastLanguageModel.forInference(peft);
  started = performance.now();
  const inputIds = [rows[0]!.input_ids.slice(0, 100)];
  await peft.generate({ inputIds, maxNewTokens: 8, doSample: false });
  const few = lap("8 tokens after a prompt of 100");
  await peft.generate({ inputIds, maxNewTokens: 264, doSample: false });
  const many = lap("264 tokens after it");
  console.log(`  decoding: ${(256 / (many - few)).toFixed(0)} tok/s`);
  peft.dispose();
} finally {
  rmSync(folder, { recursive: true });
}
