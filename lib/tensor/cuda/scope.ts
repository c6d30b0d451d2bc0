/** Buffers of something that is being made on the GPU: those that it keeps outlive its making, whether or not that succeeds. */
import type { CudaTable, DeviceBuffer, DeviceType, MemoryOwner } from "../../native/addon.js";

export class BufferScope {
  readonly #passing = new Set<DeviceBuffer>();

  constructor(private readonly cuda: CudaTable) {}

  create(dtype: DeviceType, length: number, owner: MemoryOwner = "workspace"): DeviceBuffer {
    return this.add(this.cuda.createBuffer(dtype, length, owner));
  }

  add(buffer: DeviceBuffer): DeviceBuffer {
    this.#passing.add(buffer);
    return buffer;
  }

  /** The buffer belongs to the result now. */
  keep(buffer: DeviceBuffer): DeviceBuffer {
    this.#passing.delete(buffer);
    return buffer;
  }

  end(): void {
    for (const buffer of this.#passing) this.cuda.dispose(buffer);
  }
}

/** Runs what makes buffers, and frees those that it did not keep. */
export async function withBuffers<T>(cuda: CudaTable, make: (buffers: BufferScope) => Promise<T>): Promise<T> {
  const buffers = new BufferScope(cuda);
  try {
    return await make(buffers);
  } finally {
    buffers.end();
  }
}
