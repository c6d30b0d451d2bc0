/** The norm of all gradients, and the factor that clips them to a length. */
import { activeCuda, type CudaBackend } from "../../tensor/cuda/backend.js";
import type { Parameter } from "../../tensor/parameter.js";
import { optimizerKernels } from "./kernels.js";

/** L2 norm over the gradients of all parameters together, rounded to float32. */
export async function gradientNorm(parameters: readonly Parameter[]): Promise<number> {
  const cuda = activeCuda();
  if (cuda !== null) return deviceNorm(cuda, parameters);
  const gradients: Float32Array[] = [];
  for (const { grad } of parameters) if (grad !== null) gradients.push((await grad.data()) as Float32Array);
  return Math.fround(optimizerKernels().gradNorm(gradients));
}

async function deviceNorm(backend: CudaBackend, parameters: readonly Parameter[]): Promise<number> {
  const { cuda } = backend;
  const gradients = parameters.flatMap(({ grad }) => (grad === null ? [] : [backend.buffer(grad, "adapters")]));
  const [norm, coefficient] = [cuda.createBuffer("f32", 1), cuda.createBuffer("f32", 1)];
  try {
    cuda.gradNormQueued(gradients, 1, norm, coefficient);
    const [value] = await cuda.download(norm);
    return value!;
  } finally {
    cuda.dispose(norm);
    cuda.dispose(coefficient);
  }
}

/** Factor on the gradients as torch's clip_grad_norm_ computes it; 1 when `maxNorm` is 0 (no clipping). */
export function clipFactor(norm: number, maxNorm: number): number {
  return maxNorm > 0 ? Math.min(1, Math.fround(maxNorm / Math.fround(norm + 1e-6))) : 1;
}
