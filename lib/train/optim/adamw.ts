/** AdamW with float32 states: torch.optim.AdamW. */
import { bytesOf, type TensorEntry, type TensorSource } from "../../formats/tensorEntry.js";
import type { Parameter } from "../../tensor/parameter.js";
import { optimizerKernels } from "./kernels.js";
import type { AdamOptions, Optimizer } from "./optimizer.js";
import { readTensors } from "./readTensors.js";

interface State {
  readonly m: Float32Array;
  readonly v: Float32Array;
}

export class AdamW implements Optimizer {
  #steps = 0;
  readonly #states: State[];

  constructor(
    readonly parameters: readonly Parameter[],
    readonly options: AdamOptions,
  ) {
    this.#states = parameters.map(({ size }) => ({ m: new Float32Array(size), v: new Float32Array(size) }));
  }

  get steps(): number {
    return this.#steps;
  }

  get stateBytes(): number {
    return this.#states.reduce((sum, { m, v }) => sum + m.byteLength + v.byteLength, 0);
  }

  async step(learningRate: number, gradScale: number): Promise<void> {
    this.#steps++;
    const step = { ...this.options, learningRate, gradScale, step: this.#steps };
    const tensors = await readTensors(this.parameters, this.#states);
    optimizerKernels().adamw32(tensors, step);
    for (const { parameter, value } of tensors) parameter.assign(value);
  }

  stateEntries(): TensorEntry[] {
    return this.parameters.flatMap(({ name, shape }, index): TensorEntry[] => {
      const { m, v } = this.#states[index]!;
      return [
        { name: `${name}.exp_avg`, dtype: "F32", shape, data: bytesOf(m) },
        { name: `${name}.exp_avg_sq`, dtype: "F32", shape, data: bytesOf(v) },
      ];
    });
  }

  loadState(steps: number, source: TensorSource): void {
    for (const [index, { name }] of this.parameters.entries()) {
      const { m, v } = this.#states[index]!;
      m.set(source.readFloat32(`${name}.exp_avg`));
      v.set(source.readFloat32(`${name}.exp_avg_sq`));
    }
    this.#steps = steps;
  }
}
