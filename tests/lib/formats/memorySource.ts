/** Tensors held in memory behind the interface of a checkpoint. */
import { fail, suggestion } from "../../../lib/errors.js";
import type { TensorEntry, TensorInfo, TensorSource } from "../../../lib/formats/tensorEntry.js";
import { toFloat32 } from "../../../lib/formats/toFloat32.js";

export class MemorySource implements TensorSource {
  readonly #entries: ReadonlyMap<string, TensorEntry>;

  constructor(entries: Iterable<TensorEntry>) {
    this.#entries = new Map(Array.from(entries, (entry) => [entry.name, entry]));
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  info(name: string): TensorInfo {
    return this.#entry(name);
  }

  read(name: string): Uint8Array {
    return this.#entry(name).data;
  }

  readFloat32(name: string): Float32Array {
    return toFloat32(name, this.info(name).dtype, this.read(name));
  }

  #entry(name: string): TensorEntry {
    const entry = this.#entries.get(name);
    return entry ?? fail(`There is no tensor "${name}".`, { hint: suggestion(name, this.names) });
  }
}
