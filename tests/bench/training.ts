/**
 * Training tokens a second of the embedded model, beside PEFT on PyTorch's CPU backend: same weights (fp32 there, NF4
 * here), same rows, 8 a step as 2 x 4, two threads each, in turns. Prints the ratio of each turn and their median.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadDataset } from "../../lib/data/loadDataset.js";
import { ARTICLE_DATASET, EMBEDDED_MODEL } from "../../lib/embedded.js";
import { FastLanguageModel } from "../../lib/models/fastLanguageModel.js";
import { packageRoot } from "../../lib/packageRoot.js";
import { backendReport } from "../../lib/tensor/backend.js";
import { SFTTrainer } from "../../lib/train/sftTrainer.js";
import { TrainingArguments } from "../../lib/train/trainingArguments.js";
import { type MedicalRow, trainingText } from "../../notebooks/embedded/template.js";

const STEPS = 12;
const TURNS = 3;

process.env.TUNELAB_PROFILE = "embedded";
const { model, tokenizer } = await FastLanguageModel.fromPretrained({ modelName: EMBEDDED_MODEL });
const data = await loadDataset(ARTICLE_DATASET, "en", { split: `train[0:${8 * STEPS}]` });
const rows = ([...data] as unknown as MedicalRow[]).map((row) =>
  tokenizer.encode(trainingText(row) + tokenizer.eosToken),
);
const peft = await FastLanguageModel.getPeftModel(model, { r: 16, randomState: 7 });

async function ours(): Promise<number> {
  const stepEnds: number[] = [];
  const trainer = new SFTTrainer({
    model: peft,
    tokenizer,
    trainDataset: rows.map((ids) => ({ input_ids: ids })),
    callbacks: [{ onStepEnd: () => void stepEnds.push(performance.now()) }],
    args: new TrainingArguments({
      perDeviceTrainBatchSize: 2,
      gradientAccumulationSteps: 4,
      maxSteps: STEPS,
      optim: "adamw_8bit",
      saveStrategy: "no",
      disableTqdm: true,
      outputDir: mkdtempSync(join(tmpdir(), "tunelab-bench-")),
    }),
  });
  await trainer.train();
  const tokens = rows.reduce((sum, row) => sum + row.length, 0);
  // The first two steps warm up on both sides, and every row is used once, so their share is two of all steps.
  const seconds = ((stepEnds.at(-1) as number) - (stepEnds[1] as number)) / 1000;
  return (tokens * ((STEPS - 2) / STEPS)) / seconds;
}

function theirs(): number {
  const file = join(mkdtempSync(join(tmpdir(), "tunelab-bench-")), "rows.json");
  writeFileSync(file, JSON.stringify(rows));
  const python = join(packageRoot, ".peers-venv", "bin", "python");
  const script = join(packageRoot, "tests", "bench", "peftTraining.py");
  const out = execFileSync(python, ["-W", "ignore", script, EMBEDDED_MODEL, file, String(STEPS)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const { tokens, seconds } = JSON.parse(out.trim().split("\n").at(-1) as string);
  return tokens / seconds;
}

const ratios: number[] = [];
for (let turn = 1; turn <= TURNS; turn++) {
  const [mine, peer] = [await ours(), theirs()];
  ratios.push(mine / peer);
  console.log(
    `turn ${turn}: tunelab ${mine.toFixed(0)} tok/s, PEFT ${peer.toFixed(0)} tok/s, ratio ${(mine / peer).toFixed(2)}`,
  );
}
ratios.sort((a, b) => a - b);
console.log(
  `${backendReport()?.backend}: training, median ratio to PEFT on PyTorch CPU: ${ratios[Math.floor(TURNS / 2)]?.toFixed(2)}`,
);
