/** Chooses the next token from one row of logits. */
import type { Random } from "../random.js";
import type { ResolvedGenerateOptions } from "./options.js";

type Choice = Pick<ResolvedGenerateOptions, "doSample" | "temperature" | "topK" | "topP">;

/** The likeliest token, or a draw: temperature, then top-k, then top-p, as transformers orders its warpers. */
export function chooseToken(logits: Float32Array, choice: Choice, random: Random): number {
  return choice.doSample ? draw(logits, choice, random) : argmax(logits);
}

export function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}

/** Divides positive logits of seen tokens by the penalty and multiplies negative ones (CTRL, Keskar et al. 2019). In place. */
export function penalizeRepetition(logits: Float32Array, seen: ReadonlySet<number>, penalty: number): void {
  if (penalty === 1) return;
  for (const token of seen) {
    const value = logits[token] as number;
    logits[token] = value > 0 ? value / penalty : value * penalty;
  }
}

function draw(logits: Float32Array, { temperature, topK, topP }: Choice, random: Random): number {
  const order = Array.from(logits.keys()).sort((a, b) => (logits[b] as number) - (logits[a] as number));
  const kept = topK > 0 ? order.slice(0, topK) : order;
  const highest = logits[kept[0] as number] as number;
  const weights = kept.map((token) => Math.exp(((logits[token] as number) - highest) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let count = weights.length;
  if (topP < 1) {
    count = nucleusSize(
      weights.map((weight) => weight / total),
      topP,
    );
  }
  const nucleus = weights.slice(0, count);
  let rest = random.next() * nucleus.reduce((sum, weight) => sum + weight, 0);
  for (let i = 0; i < count; i++) {
    rest -= nucleus[i] as number;
    if (rest < 0) return kept[i] as number;
  }
  return kept[count - 1] as number;
}

/** Tokens until their probabilities reach p; the one that crosses it still belongs to them (Holtzman et al. 2020). */
function nucleusSize(probabilities: readonly number[], p: number): number {
  let reached = 0;
  for (const [i, probability] of probabilities.entries()) {
    reached += probability;
    if (reached >= p) return i + 1;
  }
  return probabilities.length;
}
