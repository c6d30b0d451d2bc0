/**
 * AdamW with its running means on the GPU, 8-bit or float32: the addon's CUDA ops change values and means in place, queued
 * behind the backward pass. Checkpoints are those of adamw.ts and adamw8bit.ts, so a run may go on with another backend.
 */
import { bytesOf, type TensorEntry, type TensorSource } from "../../formats/tensorEntry.js";
import type { CudaTable, DeviceBuffer } from "../../native/addon.js";
import { SIGNED_DYNAMIC_MAP, UNSIGNED_DYNAMIC_MAP } from "../../quant/dynamicMap.js";
import type { CudaBackend } from "../../tensor/cuda/backend.js";
import { ELEMENT_BYTES } from "../../tensor/cuda/storage.js";
import type { Parameter } from "../../tensor/parameter.js";
import { MIN_8BIT_SIZE } from "./adamw8bit.js";
import { BLOCK_SIZE } from "./kernels.js";
import type { AdamOptions, Optimizer } from "./optimizer.js";

/** How one kind of running means is laid out and updated. */
interface Kind {
  /** Element type and length of each buffer, by its name in checkpoints. */
  layout(size: number): Readonly<Record<string, readonly ["u8" | "f32", number]>>;
  update(cuda: CudaTable, tensors: readonly Update[], step: Parameters<CudaTable["adamw32"]>[1]): void;
}

type State = Readonly<Record<string, DeviceBuffer>>;

interface Update {
  readonly value: DeviceBuffer;
  readonly gradient: DeviceBuffer;
  readonly state: State;
}

const FLOAT32: Kind = {
  layout: (size) => ({ exp_avg: ["f32", size], exp_avg_sq: ["f32", size] }),
  update(cuda, tensors, step) {
    const list = tensors.map(({ value, gradient, state }) => {
      return { value, gradient, m: state.exp_avg!, v: state.exp_avg_sq! };
    });
    cuda.adamw32(list, step);
  },
};

const maps = new WeakMap<CudaTable, { readonly signed: DeviceBuffer; readonly unsigned: DeviceBuffer }>();

const EIGHT_BIT: Kind = {
  layout(size) {
    if (size < MIN_8BIT_SIZE) return { state1: ["f32", size], state2: ["f32", size] };
    const blocks = Math.ceil(size / BLOCK_SIZE);
    return { state1: ["u8", size], state2: ["u8", size], absmax1: ["f32", blocks], absmax2: ["f32", blocks] };
  },
  update(cuda, tensors, step) {
    let known = maps.get(cuda);
    if (known === undefined) {
      const put = (map: Float32Array) => cuda.upload(map, { owner: "optimizer" });
      known = { signed: put(SIGNED_DYNAMIC_MAP), unsigned: put(UNSIGNED_DYNAMIC_MAP) };
      maps.set(cuda, known);
    }
    const list = tensors.map(({ value, gradient, state }) => {
      const { state1, state2, absmax1, absmax2 } = state;
      // Small tensors have no scales; the op does not look at them then.
      const none = state1!;
      return { value, gradient, state1: state1!, state2: state2!, absmax1: absmax1 ?? none, absmax2: absmax2 ?? none };
    });
    cuda.adamw8bit(list, known.signed, known.unsigned, step);
  },
};

export class DeviceAdam implements Optimizer {
  #steps = 0;
  readonly #kind: Kind;
  readonly #states: State[] = [];

  constructor(
    private readonly backend: CudaBackend,
    readonly parameters: readonly Parameter[],
    readonly options: AdamOptions,
    bits: 8 | 32,
  ) {
    const { cuda } = backend;
    this.#kind = bits === 8 ? EIGHT_BIT : FLOAT32;
    try {
      for (const { size } of parameters) {
        const state: Record<string, DeviceBuffer> = {};
        this.#states.push(state);
        for (const [name, [dtype, length]] of Object.entries(this.#kind.layout(size))) {
          state[name] = cuda.createBuffer(dtype, length, "optimizer");
          cuda.fill(state[name], 0);
        }
      }
    } catch (error) {
      // Memory ran out: the rest of it is wanted elsewhere.
      this.dispose();
      throw error;
    }
  }

  get steps(): number {
    return this.#steps;
  }

  get stateBytes(): number {
    const buffers = this.#states.flatMap((state) => Object.values(state));
    return buffers.reduce((sum, { dtype, length }) => sum + length * ELEMENT_BYTES[dtype], 0);
  }

  async step(learningRate: number, gradScale: number): Promise<void> {
    this.#steps++;
    const tensors = this.parameters.flatMap((parameter, index): Update[] => {
      if (parameter.grad === null) return [];
      const value = this.backend.ownBuffer(parameter.value, "adapters");
      return [{ value, gradient: this.backend.buffer(parameter.grad, "adapters"), state: this.#states[index]! }];
    });
    this.#kind.update(this.backend.cuda, tensors, { ...this.options, learningRate, gradScale, step: this.#steps });
  }

  async stateEntries(): Promise<TensorEntry[]> {
    const entries = this.parameters.flatMap(({ name, shape }, index) =>
      Object.entries(this.#states[index]!).map(async ([key, buffer]): Promise<TensorEntry> => {
        const data = bytesOf(await this.backend.cuda.download(buffer));
        const dtype = buffer.dtype === "u8" ? "U8" : "F32";
        return { name: `${name}.${key}`, dtype, shape: key.startsWith("absmax") ? [buffer.length] : shape, data };
      }),
    );
    return Promise.all(entries);
  }

  loadState(steps: number, source: TensorSource): void {
    for (const [index, { name }] of this.parameters.entries()) {
      for (const [key, buffer] of Object.entries(this.#states[index]!)) {
        const full = `${name}.${key}`;
        this.backend.cuda.write(buffer, buffer.dtype === "u8" ? source.read(full) : source.readFloat32(full));
      }
    }
    this.#steps = steps;
  }

  dispose(): void {
    for (const state of this.#states.splice(0)) {
      for (const buffer of Object.values(state)) this.backend.cuda.dispose(buffer);
    }
  }
}
