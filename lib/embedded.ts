/** The small model and data set of the repository, standing in for the article's where those cannot run. */
import { join } from "node:path";
import { packageRoot } from "./packageRoot.js";
import { currentProfile } from "./profile.js";

/** The article's model and data set on the hub. */
export const ARTICLE_MODEL = "unsloth/DeepSeek-R1-Distill-Qwen-14B";
export const ARTICLE_DATASET = "FreedomIntelligence/medical-o1-reasoning-SFT";

/** Their stand-ins. */
export const EMBEDDED_MODEL = join(packageRoot, "notebooks", "embedded", "model");
export const EMBEDDED_DATASET = join(packageRoot, "notebooks", "embedded", "data");

const STAND_INS = new Map([
  [ARTICLE_MODEL, EMBEDDED_MODEL],
  [ARTICLE_DATASET, EMBEDDED_DATASET],
]);

/** The folder that stands for a name of the hub on the embedded profile, said once; null where the name means itself. */
export async function standIn(repoId: string): Promise<string | null> {
  const folder = STAND_INS.get(repoId);
  if (folder === undefined) return null;
  const profile = await currentProfile();
  if (profile.name !== "embedded") return null;
  say(`${repoId}: the embedded one of the repository stands in. ${profile.reason}`);
  return folder;
}

const said = new Set<string>();

function say(sentence: string): void {
  if (said.has(sentence)) return;
  said.add(sentence);
  console.log(sentence);
}
