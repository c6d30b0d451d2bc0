/** Between the bytes of a floating-point tensor and float32 values. */
import { fail } from "../errors.js";
import { bf16ToFloat32, f16ToFloat32, float32ToBf16, float32ToF16 } from "./halves.js";
import { bytesOf, type SafetensorsDtype } from "./tensorEntry.js";

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

/** The bytes of float32 values in `dtype`; BF16 and F16 round to nearest, ties to even. */
export function fromFloat32(dtype: "F32" | "BF16" | "F16", values: Float32Array): Uint8Array {
  if (dtype === "F32") return bytesOf(values);
  return bytesOf(dtype === "BF16" ? float32ToBf16(values) : float32ToF16(values));
}

/** A buffer that starts where `data` does and ends with it: copied unless `data` already spans its buffer. */
function aligned(data: Uint8Array, elementBytes: number): ArrayBuffer {
  if (data.byteLength % elementBytes !== 0) {
    fail(`${data.byteLength} bytes are no whole number of ${elementBytes}-byte elements.`);
  }
  const spans = data.byteOffset === 0 && data.byteLength === data.buffer.byteLength;
  return (spans ? data.buffer : data.slice().buffer) as ArrayBuffer;
}
