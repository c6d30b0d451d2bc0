/**
 * The op table that every native backend implements. Buffers are typed arrays on the CPU; a device backend fills in
 * its own handles for `Buffers`.
 */

/** What an op reads and writes: one type per element type. */
export interface Buffers {
  f32: unknown;
  i32: unknown;
  u8: unknown;
}

export interface HostBuffers extends Buffers {
  f32: Float32Array;
  i32: Int32Array;
  u8: Uint8Array;
}

/** Versions and processor features, for reports. */
export interface NativeVersion {
  readonly blas: string;
  readonly compiler: string;
  readonly cpuFeatures: readonly string[];
}

export interface RuntimeOps {
  /** Threads that ops divide their work over, 1 to 64. Results are deterministic for a given count. */
  setThreads(threads: number): void;
  getThreads(): number;
  version(): NativeVersion;
}

export interface OpTable extends RuntimeOps {}
