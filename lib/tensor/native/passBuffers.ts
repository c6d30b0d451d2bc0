/** Memory of one training pass: freed by hand as the pass goes on, and whatever is left when it ends or fails. */
import type { Buffers } from "../../native/addon.js";
import type { PassMemory } from "./layerInputs.js";
import type { Surface } from "./surface.js";

type Buffer = Buffers["f32"];

export class PassBuffers implements PassMemory {
  readonly #held = new Set<Buffer>();

  constructor(private readonly surface: Surface) {}

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
