/**
 * NF4 matrices in checkpoints, in the layout of bitsandbytes (QuantState.as_dict(packed=True)): beside the packed
 * `weight` stand its scales and codes, and `quant_state.bitsandbytes__nf4`, JSON as bytes.
 */
import { fail } from "../errors.js";
import { bytesOf, elementCount, type TensorEntry, type TensorSource } from "../formats/tensorEntry.js";
import type { QuantState } from "./quantState.js";

const STATE_SUFFIX = ".quant_state.bitsandbytes__nf4";
const FP4_SUFFIX = ".quant_state.bitsandbytes__fp4";

/** Whether the tensor `name` (e.g. "model.layers.0.mlp.up_proj.weight") is stored as NF4 in `source`. */
export function isNf4(source: TensorSource, name: string): boolean {
  if (source.has(name + FP4_SUFFIX)) {
    fail(`The tensor ${name} is quantised to FP4, which is not supported.`, { hint: "Use an NF4 checkpoint." });
  }
  return source.has(name + STATE_SUFFIX);
}

/** Reads the NF4 matrix `name` and everything that stands beside it. */
export function readNf4(source: TensorSource, name: string): QuantState {
  const description = parseDescription(name, source.read(name + STATE_SUFFIX));
  const { shape, blocksize, dtype } = description;
  const packed = source.read(name);
  const size = elementCount(shape);
  if (packed.length !== Math.ceil(size / 2)) {
    fail(`${name} holds ${packed.length} bytes, but its NF4 shape [${shape.join(", ")}] needs ${Math.ceil(size / 2)}.`);
  }
  const nested = source.has(`${name}.nested_absmax`);
  const absmax = nested ? source.read(`${name}.absmax`) : source.readFloat32(`${name}.absmax`);
  expectLength(`${name}.absmax`, absmax, Math.ceil(size / blocksize));
  const code = source.readFloat32(`${name}.quant_map`);
  expectLength(`${name}.quant_map`, code, 16);
  const nestedAbsmax = nested ? source.readFloat32(`${name}.nested_absmax`) : new Float32Array(0);
  const nestedCode = nested ? source.readFloat32(`${name}.nested_quant_map`) : new Float32Array(0);
  const nestedBlockSize = description.nested_blocksize ?? 256;
  if (nested) {
    expectLength(`${name}.nested_absmax`, nestedAbsmax, Math.ceil(absmax.length / nestedBlockSize));
    expectLength(`${name}.nested_quant_map`, nestedCode, 256);
  }
  return {
    quantType: "nf4",
    shape,
    packed,
    absmax,
    blockSize: blocksize,
    offset: nested ? Math.fround(description.nested_offset ?? 0) : 0,
    nestedAbsmax,
    nestedBlockSize,
    code,
    nestedCode,
    dtype,
  };
}

/** The tensors that bitsandbytes and transformers expect for the NF4 matrix `name`. */
export function nf4Entries(name: string, state: QuantState): TensorEntry[] {
  const float32 = (key: string, values: Float32Array): TensorEntry => ({
    name: `${name}.${key}`,
    dtype: "F32",
    shape: [values.length],
    data: bytesOf(values),
  });
  const uint8 = (fullName: string, data: Uint8Array, shape = [data.length]): TensorEntry => ({
    name: fullName,
    dtype: "U8",
    shape,
    data,
  });
  const nested = state.absmax instanceof Uint8Array;
  const description = {
    quant_type: state.quantType,
    blocksize: state.blockSize,
    dtype: state.dtype,
    shape: state.shape,
    ...(nested && {
      nested_blocksize: state.nestedBlockSize,
      nested_dtype: "float32",
      nested_offset: state.offset,
    }),
  };
  return [
    uint8(name, state.packed, [state.packed.length, 1]),
    state.absmax instanceof Uint8Array ? uint8(`${name}.absmax`, state.absmax) : float32("absmax", state.absmax),
    float32("quant_map", state.code),
    ...(nested ? [float32("nested_absmax", state.nestedAbsmax), float32("nested_quant_map", state.nestedCode)] : []),
    uint8(name + STATE_SUFFIX, new TextEncoder().encode(pythonJson(description))),
  ];
}

interface Description {
  quant_type: string;
  blocksize: number;
  dtype: QuantState["dtype"];
  shape: number[];
  nested_blocksize?: number;
  nested_offset?: number;
}

function parseDescription(name: string, bytes: Uint8Array): Description {
  let value: Partial<Description>;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as Partial<Description>;
  } catch (cause) {
    fail(`The quantisation state of ${name} is not JSON.`, { cause });
  }
  const { quant_type, blocksize, dtype, shape } = value;
  if (quant_type !== "nf4") fail(`${name} says quant_type ${JSON.stringify(quant_type)}, only "nf4" is supported.`);
  if (!Number.isInteger(blocksize) || blocksize! < 1) fail(`${name} says blocksize ${JSON.stringify(blocksize)}.`);
  if (!Array.isArray(shape) || !shape.every((length) => Number.isInteger(length) && length >= 0)) {
    fail(`${name} says shape ${JSON.stringify(shape)}.`);
  }
  if (dtype !== "float32" && dtype !== "bfloat16" && dtype !== "float16") {
    fail(`${name} says dtype ${JSON.stringify(dtype)}.`);
  }
  return value as Description;
}

function expectLength(name: string, values: { length: number }, length: number): void {
  if (values.length !== length) fail(`The tensor ${name} holds ${values.length} values, expected ${length}.`);
}

/** JSON with Python's separators, so that the bytes equal those of json.dumps. */
function pythonJson(value: object): string {
  const write = (inner: unknown): string => {
    if (Array.isArray(inner)) return `[${inner.map(write).join(", ")}]`;
    if (typeof inner === "object" && inner !== null) {
      return `{${Object.entries(inner)
        .map(([key, item]) => `${JSON.stringify(key)}: ${write(item)}`)
        .join(", ")}}`;
    }
    return JSON.stringify(inner);
  };
  return write(value);
}
