/**
 * Layers' inputs that wait in pinned host memory, so that the GPU holds two of them at a time: one goes out while its layer
 * computes forward, and comes back while the layer above it computes backward. The last layer's stays, for it is needed
 * next.
 */
import type { CudaTable, DeviceBuffer, NativeHostStore } from "../../native/addon.js";
import type { LayerInputs, PassMemory } from "../native/layerInputs.js";
import { pinning } from "../outOfMemory.js";
import { ELEMENT_BYTES } from "./storage.js";

interface Store {
  readonly handle: NativeHostStore;
  readonly slots: number;
  readonly slotBytes: number;
}

/** Pinning memory takes longer than a pass, so the store stays until it is released or too small. */
const stores = new WeakMap<CudaTable, Store>();

function storeOf(cuda: CudaTable, slots: number, slotBytes: number): NativeHostStore {
  const known = stores.get(cuda);
  if (known !== undefined && known.slots >= slots && known.slotBytes >= slotBytes) return known.handle;
  releaseHostStore(cuda);
  const handle = cuda.createHostStore(slots, slotBytes);
  stores.set(cuda, { handle, slots, slotBytes });
  return handle;
}

/** Frees the host memory that passes were given. */
export function releaseHostStore(cuda: CudaTable): void {
  const known = stores.get(cuda);
  if (known === undefined) return;
  stores.delete(cuda);
  cuda.dispose(known.handle);
}

export class HostInputs implements LayerInputs {
  readonly #last: number;
  /** Slots whose copy is under way. */
  readonly #copying = new Set<number>();
  #store: NativeHostStore | null = null;
  /** The input of the layer that computes. */
  #current: DeviceBuffer | null = null;
  /** The input of the layer whose backward pass comes next. */
  #coming: DeviceBuffer | null = null;

  /** @param room how much larger the inputs of later passes may be */
  constructor(
    private readonly cuda: CudaTable,
    layers: number,
    private readonly room: number,
    private readonly held: PassMemory,
  ) {
    this.#last = layers - 1;
  }

  enter(index: number, x: DeviceBuffer): void {
    this.#current = x;
    if (index === this.#last) return;
    this.#store ??= storeOf(this.cuda, this.#last, Math.ceil(x.length * ELEMENT_BYTES[x.dtype] * this.room));
    const store = this.#store;
    pinning(() => this.cuda.hostStoreWrite(store, index, x));
    this.#copying.add(index);
  }

  leave(index: number): void {
    if (index === this.#last) return;
    this.#join(index);
    this.held.free(this.#current);
  }

  recall(index: number): DeviceBuffer {
    const x = (index === this.#last ? this.#current : this.#coming) as DeviceBuffer;
    this.#join(index);
    if (index > 0) {
      this.#coming = this.held.like(x, [1, x.length]) as DeviceBuffer;
      this.cuda.hostStoreRead(this.#store as NativeHostStore, index - 1, this.#coming);
      this.#copying.add(index - 1);
    }
    return x;
  }

  close(): void {
    for (const slot of this.#copying) this.#join(slot);
  }

  #join(slot: number): void {
    if (this.#copying.delete(slot)) this.cuda.hostStoreJoin(this.#store as NativeHostStore, slot);
  }
}
