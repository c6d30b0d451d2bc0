/** Weights are finite, or refused: one infinity makes every logit of a model a NaN, far from where it stands. */
import { fail } from "../errors.js";

/** @throws TunelabError that names the first value that is infinite or no number */
export function requireFinite(name: string, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) refuseNonFinite(name, values[i]!, i);
}

export function refuseNonFinite(name: string, value: number, element: number): never {
  fail(`The weight ${name} holds ${value} at element ${element}.`, {
    hint: "The checkpoint is damaged; download it again.",
  });
}
