/** Memory of one training pass: freed by hand as the pass goes on, and whatever is left when it ends or fails. */
import type { Buffers } from "../../native/addon.js";
import type { Surface } from "./surface.js";

type Buffer = Buffers["f32"];

export class PassBuffers {
  readonly #held = new Set<Buffer>();

  constructor(private readonly surface: Surface) {}

  /** Room for the values of `model`, in its element type. */
  like(model: Buffer, shape: readonly [number, number]): Buffer {
    return this.hold(this.surface.output(shape, model).buffer);
  }

  /** Takes over memory that no tensor owns. */
  hold(buffer: Buffer): Buffer {
    this.#held.add(buffer);
    return buffer;
  }

  free(buffer: Buffer): void {
    if (this.#held.delete(buffer)) this.surface.release(buffer);
  }

  freeAll(): void {
    for (const buffer of this.#held) this.free(buffer);
  }
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
