/** A 4-bit quantised matrix as bitsandbytes holds it (bitsandbytes.functional.QuantState). */
export interface QuantState {
  readonly quantType: "nf4";
  /** [out, in] of the matrix before quantisation; blocks run over its flattened row-major values. */
  readonly shape: readonly number[];
  /** Two codes a byte, the even element in the high nibble; ceil(n / 2) bytes. */
  readonly packed: Uint8Array;
  /** One scale a block: float32, or the 8-bit codes of the second quantisation when `nestedAbsmax` is there. */
  readonly absmax: Float32Array | Uint8Array;
  /** Elements a block, 64 by default. */
  readonly blockSize: number;
  /** Mean of the float32 scales, taken off before the second quantisation; 0 without double quantisation. */
  readonly offset: number;
  /** One float32 scale for every `nestedBlockSize` 8-bit codes; empty without double quantisation. */
  readonly nestedAbsmax: Float32Array;
  /** Codes a nested block, 256 by default. */
  readonly nestedBlockSize: number;
  /** The 16 values of the 4-bit code, and the 256 of the 8-bit code (signed dynamic map). */
  readonly code: Float32Array;
  readonly nestedCode: Float32Array;
  /** The dtype that the checkpoint had before quantisation. */
  readonly dtype: "float32" | "bfloat16" | "float16";
}
