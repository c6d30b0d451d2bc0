/** A named tensor as checkpoints hold it: raw little-endian bytes with a dtype and a shape. */

/** Bytes an element of each dtype that safetensors names and tunelab reads or passes on. */
export const DTYPE_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const;

export type SafetensorsDtype = keyof typeof DTYPE_BYTES;

export interface TensorInfo {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
}

export interface TensorEntry extends TensorInfo {
  readonly name: string;
  /** Row-major, little-endian; exactly product(shape) · DTYPE_BYTES[dtype] bytes. */
  readonly data: Uint8Array;
}

/** Bytes of a file that is open. */
export interface FileRange {
  readonly path: string;
  readonly descriptor: number;
  readonly offset: number;
  readonly length: number;
}

/** Where named tensors are read from: one safetensors file, a sharded checkpoint, or memory. */
export interface TensorSource {
  readonly names: readonly string[];
  has(name: string): boolean;
  info(name: string): TensorInfo;
  /** The raw bytes of one tensor, read from disk at each call. */
  read(name: string): Uint8Array;
  /** One tensor as float32 values; F64, F32, F16 and BF16 are converted, other dtypes refused. */
  readFloat32(name: string): Float32Array;
}

/** Number of elements of a shape; 1 for a scalar's []. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** A view of the bytes of `array`, without a copy. */
export function bytesOf(array: Float32Array | Uint8Array | Uint16Array | Int32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
