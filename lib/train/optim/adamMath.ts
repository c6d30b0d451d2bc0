/**
 * The arithmetic of AdamW on one tensor, in float32 and in the order of operations of the CPU references, so that the
 * running means agree with them bit for bit:
 *   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g²,  p = (1 - lr wd) p - lr m̂ / (√v̂ + eps).
 * Values can differ from torch's in the last place: its vectorised square root is not correctly rounded, ours is.
 */
import type { AdamStep } from "./optimizer.js";

const { fround, sqrt } = Math;

/** Writes the new running mean and mean of squares over the old ones, as bitsandbytes does. */
export function updateMoments(gradient: Float32Array, m: Float32Array, v: Float32Array, step: AdamStep): void {
  const beta1 = fround(step.beta1);
  const beta2 = fround(step.beta2);
  const share1 = fround(1 - step.beta1);
  const share2 = fround(1 - step.beta2);
  const scale = fround(step.gradScale);
  for (let i = 0; i < gradient.length; i++) {
    const g = fround(gradient[i]! * scale);
    // The last product and the sum of each round once, as a fused multiply-add: the product is exact in float64.
    m[i] = fround(m[i]! * beta1) + g * share1;
    v[i] = fround(v[i]! * beta2) + fround(g * share2) * g;
  }
}

/** The same with torch's interpolation for the mean: m + (1 - beta1) (g - m). */
export function updateMomentsLerp(gradient: Float32Array, m: Float32Array, v: Float32Array, step: AdamStep): void {
  const beta2 = fround(step.beta2);
  const share1 = fround(1 - step.beta1);
  const share2 = fround(1 - step.beta2);
  const scale = fround(step.gradScale);
  for (let i = 0; i < gradient.length; i++) {
    const g = fround(gradient[i]! * scale);
    m[i] = m[i]! + fround(g - m[i]!) * share1;
    v[i] = fround(v[i]! * beta2) + fround(g * share2) * g;
  }
}

/** Values in place: decay, then -lr / c1 · m / (√v / c2 + eps). torch.optim.AdamW, and bitsandbytes with 8-bit states. */
export function updateValues(values: Float32Array, m: Float32Array, v: Float32Array, step: AdamStep): void {
  const { learningRate, weightDecay, beta1, beta2 } = step;
  const kept = fround(1 - learningRate * weightDecay);
  const size = fround(-learningRate / (1 - beta1 ** step.step));
  const correction = fround(sqrt(1 - beta2 ** step.step));
  const epsilon = fround(step.epsilon);
  for (let i = 0; i < values.length; i++) {
    const denominator = fround(fround(fround(sqrt(v[i]!)) / correction) + epsilon);
    values[i] = fround(values[i]! * kept) + fround(fround(size * m[i]!) / denominator);
  }
}

/** The same with the corrections moved to the step size, as bitsandbytes does for 32-bit states. */
export function updateValuesFused(values: Float32Array, m: Float32Array, v: Float32Array, step: AdamStep): void {
  const { learningRate, weightDecay, beta1, beta2 } = step;
  const kept = fround(1 - learningRate * weightDecay);
  const correction = sqrt(1 - beta2 ** step.step);
  const size = fround((-learningRate * correction) / (1 - beta1 ** step.step));
  const epsilon = fround(step.epsilon * correction);
  for (let i = 0; i < values.length; i++) {
    const update = fround(m[i]! / fround(fround(sqrt(v[i]!)) + epsilon));
    values[i] = fround(values[i]! * kept) + update * size;
  }
}
