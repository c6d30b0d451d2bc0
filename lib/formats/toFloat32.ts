/** The bytes of a floating-point tensor as float32 values. */
import { fail } from "../errors.js";
import { bf16ToFloat32, f16ToFloat32 } from "./halves.js";
import type { SafetensorsDtype } from "./tensorEntry.js";

/** @param name names the tensor in the error for a dtype that is not floating point */
export function toFloat32(name: string, dtype: SafetensorsDtype, data: Uint8Array): Float32Array {
  switch (dtype) {
    case "F32":
      return new Float32Array(aligned(data, 4));
    case "BF16":
      return bf16ToFloat32(new Uint16Array(aligned(data, 2)));
    case "F16":
      return f16ToFloat32(new Uint16Array(aligned(data, 2)));
    case "F64":
      return Float32Array.from(new Float64Array(aligned(data, 8)));
    default:
      return fail(`The tensor ${name} holds ${dtype}, not floating-point values.`);
  }
}

/** A buffer that starts where `data` does and ends with it: copied unless `data` already spans its buffer. */
function aligned(data: Uint8Array, elementBytes: number): ArrayBuffer {
  if (data.byteLength % elementBytes !== 0) {
    fail(`${data.byteLength} bytes are no whole number of ${elementBytes}-byte elements.`);
  }
  const spans = data.byteOffset === 0 && data.byteLength === data.buffer.byteLength;
  return (spans ? data.buffer : data.slice().buffer) as ArrayBuffer;
}
