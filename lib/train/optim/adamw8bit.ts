/**
 * AdamW with 8-bit states, as bitsandbytes keeps them: blocks of 256 values, each with a float32 scale and codes of the
 * dynamic maps (signed for the mean, unsigned for the mean of squares). Tensors below 4,096 elements keep float32.
 * (Dettmers et al., "8-bit Optimizers via Block-wise Quantization", arXiv:2110.02861.)
 *
 * This is bitsandbytes' CPU arithmetic. Its CUDA kernel differs in the last places: it applies the decay after the step,
 * divides approximately, and moves a first-moment code that rounded to the other sign by one.
 */
import { bytesOf, type TensorEntry, type TensorSource } from "../../formats/tensorEntry.js";
import { SIGNED_DYNAMIC_MAP, UNSIGNED_DYNAMIC_MAP } from "../../quant/dynamicMap.js";
import type { Parameter } from "../../tensor/parameter.js";
import { BLOCK_SIZE, optimizerKernels } from "./kernels.js";
import type { AdamOptions, Optimizer } from "./optimizer.js";
import { readTensors } from "./readTensors.js";

/** Elements from which a tensor's states are held in 8 bits. */
export const MIN_8BIT_SIZE = 4096;

interface State {
  /** Codes, or the values themselves for small tensors: running mean of the gradient, and of its square. */
  readonly state1: Uint8Array | Float32Array;
  readonly state2: Uint8Array | Float32Array;
  /** One scale a block; empty for small tensors. */
  readonly absmax1: Float32Array;
  readonly absmax2: Float32Array;
}

export class AdamW8bit implements Optimizer {
  #steps = 0;
  readonly #states: State[];

  constructor(
    readonly parameters: readonly Parameter[],
    readonly options: AdamOptions,
  ) {
    this.#states = parameters.map(({ size }) => createState(size));
  }

  get steps(): number {
    return this.#steps;
  }

  get stateBytes(): number {
    return this.stateEntries().reduce((sum, { data }) => sum + data.byteLength, 0);
  }

  async step(learningRate: number, gradScale: number): Promise<void> {
    this.#steps++;
    const step = { ...this.options, learningRate, gradScale, step: this.#steps };
    const tensors = await readTensors(this.parameters, this.#states);
    optimizerKernels().adamw8bit(tensors, SIGNED_DYNAMIC_MAP, UNSIGNED_DYNAMIC_MAP, step);
    for (const { parameter, value } of tensors) parameter.assign(value);
  }

  stateEntries(): TensorEntry[] {
    return this.parameters.flatMap(({ name, shape }, index) => entriesOf(name, shape, this.#states[index]!));
  }

  loadState(steps: number, source: TensorSource): void {
    for (const [index, { name }] of this.parameters.entries()) {
      for (const [key, buffer] of Object.entries(this.#states[index]!)) {
        if (buffer.length > 0) bytesOf(buffer).set(source.read(`${name}.${key}`));
      }
    }
    this.#steps = steps;
  }
}

function createState(size: number): State {
  if (size < MIN_8BIT_SIZE) {
    const none = new Float32Array(0);
    return { state1: new Float32Array(size), state2: new Float32Array(size), absmax1: none, absmax2: none };
  }
  const blocks = Math.ceil(size / BLOCK_SIZE);
  return {
    state1: new Uint8Array(size),
    state2: new Uint8Array(size),
    absmax1: new Float32Array(blocks),
    absmax2: new Float32Array(blocks),
  };
}

function entriesOf(name: string, shape: readonly number[], state: State): TensorEntry[] {
  return Object.entries(state)
    .filter(([, buffer]) => buffer.length > 0)
    .map(([key, buffer]: [string, Uint8Array | Float32Array]) => ({
      name: `${name}.${key}`,
      dtype: buffer instanceof Uint8Array ? "U8" : "F32",
      shape: key.startsWith("absmax") ? [buffer.length] : shape,
      data: bytesOf(buffer),
    }));
}
