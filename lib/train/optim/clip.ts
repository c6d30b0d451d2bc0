/** The norm of all gradients, and the factor that clips them to a length. */
import type { Parameter } from "../../tensor/parameter.js";
import { optimizerKernels } from "./kernels.js";

/** L2 norm over the gradients of all parameters together, rounded to float32. */
export async function gradientNorm(parameters: readonly Parameter[]): Promise<number> {
  const gradients: Float32Array[] = [];
  for (const { grad } of parameters) if (grad !== null) gradients.push((await grad.data()) as Float32Array);
  return Math.fround(optimizerKernels().gradNorm(gradients));
}

/** Factor on the gradients as torch's clip_grad_norm_ computes it; 1 when `maxNorm` is 0 (no clipping). */
export function clipFactor(norm: number, maxNorm: number): number {
  return maxNorm > 0 ? Math.min(1, Math.fround(maxNorm / Math.fround(norm + 1e-6))) : 1;
}
