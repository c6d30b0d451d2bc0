/** Brings values and gradients together with their states, for an optimizer's kernel. */
import type { Parameter } from "../../tensor/parameter.js";

/** Parameters that have a gradient. `value` is a copy that the kernel may change and that becomes the parameter's. */
export async function readTensors<State>(
  parameters: readonly Parameter[],
  states: readonly State[],
): Promise<(State & { parameter: Parameter; value: Float32Array; gradient: Float32Array })[]> {
  const tensors: (State & { parameter: Parameter; value: Float32Array; gradient: Float32Array })[] = [];
  for (const [index, parameter] of parameters.entries()) {
    if (parameter.grad === null) continue;
    const gradient = (await parameter.grad.data()) as Float32Array;
    // Some backends hand out the memory of the tensor itself, which others may share.
    const value = Float32Array.from((await parameter.value.data()) as Float32Array);
    tensors.push({ ...states[index]!, parameter, value, gradient });
  }
  return tensors;
}
