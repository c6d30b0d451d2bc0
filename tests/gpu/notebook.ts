/**
 * The article's notebook with the embedded model, as the script that it is exported to, on the GPU and on the processor:
 * the share of held-out questions answered right, the losses and the answer to the article's case.
 *   node notebook.mjs SCRIPT
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeResults } from "./results.js";

/** What the notebook writes about itself. */
interface Summary {
  readonly backend: string;
  readonly heldOutBefore: number;
  readonly heldOutAfter: number;
  readonly firstLoss: number;
  readonly lastLoss: number;
  readonly trainSeconds: number;
  readonly tokensPerSecond: number;
  readonly caseAfter: string;
  readonly mergedAnswersTheSame: boolean;
}

/** Two of a hundred questions: sums in another order round another way. */
const ACCURACY = 0.02;

const [script = ""] = process.argv.slice(2);

function run(backend: string): Summary {
  const env = { ...process.env, TUNELAB_PROFILE: "embedded", TUNELAB_BACKEND: backend };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { env, encoding: "utf8" });
  if (status !== 0) throw new Error(`The notebook ended with ${status} on ${backend}.\n${stdout}\n${stderr}`);
  const summary = JSON.parse(readFileSync(join(dirname(script), "..", "outputs", "summary.json"), "utf8")) as Summary;
  if (summary.backend !== backend) throw new Error(`The notebook ran on ${summary.backend} instead of ${backend}.`);
  return summary;
}

const [gpu, processor] = [run("cuda"), run("cpu-native")];
writeResults("notebook", { gpu, processor });
for (const { backend, heldOutBefore, heldOutAfter, firstLoss, lastLoss, trainSeconds, tokensPerSecond } of [
  gpu,
  processor,
])
  console.log(
    `${backend}: held-out ${heldOutBefore} before, ${heldOutAfter} after, loss ${firstLoss} to ${lastLoss} in ` +
      `${trainSeconds.toFixed(1)} s, ${Math.round(tokensPerSecond)} tok/s`,
  );
const checks = {
  "held-out questions are answered right as often": Math.abs(gpu.heldOutAfter - processor.heldOutAfter) <= ACCURACY,
  "the loss ends within 1 % of the processor's": Math.abs(gpu.lastLoss / processor.lastLoss - 1) <= 0.01,
  "the merged model answers as the adapter does": gpu.mergedAnswersTheSame && processor.mergedAnswersTheSame,
  "the case is answered": /Hodgkin lymphoma/.test(gpu.caseAfter),
};
for (const [what, good] of Object.entries(checks)) console.log(`${good ? "ok  " : "FAIL"} ${what}`);
process.exit(Object.values(checks).every(Boolean) ? 0 : 1);
