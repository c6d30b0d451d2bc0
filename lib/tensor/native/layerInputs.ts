/** Where the inputs of layers are between the forward and the backward pass. */
import type { Buffers } from "../../native/addon.js";

type Buffer = Buffers["f32"];

/** The memory of the pass that they belong to. */
export interface PassMemory {
  /** Room for the values of `model`, in its element type. */
  like(model: Buffer, shape: readonly [number, number]): Buffer;
  free(buffer: Buffer): void;
}

/** The inputs of layers between their forward and their backward pass. */
export interface LayerInputs {
  /** Layer `index` is about to read `x` in its forward pass. */
  enter(index: number, x: Buffer): void;
  /** Its forward pass is queued. */
  leave(index: number): void;
  /** Its backward pass comes next; the last layer's comes first. The input is the caller's to free. */
  recall(index: number): Buffer;
  /** The pass is over, or has failed. */
  close(): void;
}

/** They stay where they are. */
export function inputsInPlace(): LayerInputs {
  const inputs: Buffer[] = [];
  return {
    enter: (index, x) => {
      inputs[index] = x;
    },
    leave: () => undefined,
    recall: (index) => inputs[index],
    close: () => undefined,
  };
}
