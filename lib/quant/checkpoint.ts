/**
 * NF4 matrices in checkpoints, in the layout of bitsandbytes (QuantState.as_dict(packed=True)): beside the packed
 * `weight` stand its scales and codes, and `quant_state.bitsandbytes__nf4`, JSON as bytes.
 */
import { fail } from "../errors.js";
import { bytesOf, DTYPE_BYTES, elementCount, type TensorEntry, type TensorSource } from "../formats/tensorEntry.js";
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

/** Whether any matrix of the checkpoint is stored as NF4. */
export function holdsNf4(source: TensorSource): boolean {
  return source.names.some((name) => name.endsWith(".weight") && isNf4(source, name));
}

/** An NF4 matrix in a checkpoint, without its large tensors: names of those that hold them, of the right sizes. */
export interface StoredNf4 {
  readonly state: Omit<QuantState, "packed" | "absmax" | "nestedAbsmax">;
  /** Bytes of two codes each, whatever dtype the checkpoint says. */
  readonly packed: string;
  /** Bytes, codes of the second quantisation, where there is `nestedAbsmax`; else floating point. */
  readonly absmax: string;
  /** Floating point. */
  readonly nestedAbsmax: string | null;
}

/** Finds the NF4 matrix `name` and everything that stands beside it. */
export function findNf4(source: TensorSource, name: string): StoredNf4 {
  const description = parseDescription(name, source.read(name + STATE_SUFFIX));
  const { shape, blocksize, dtype } = description;
  const size = elementCount(shape);
  const info = source.info(name);
  const bytes = elementCount(info.shape) * DTYPE_BYTES[info.dtype];
  if (bytes !== Math.ceil(size / 2)) {
    fail(`${name} holds ${bytes} bytes, but its NF4 shape [${shape.join(", ")}] needs ${Math.ceil(size / 2)}.`);
  }
  const absmax = `${name}.absmax`;
  const nestedAbsmax = source.has(`${name}.nested_absmax`) ? `${name}.nested_absmax` : null;
  const blocks = Math.ceil(size / blocksize);
  expectLength(source, absmax, blocks);
  expectLength(source, `${name}.quant_map`, 16);
  const nestedBlockSize = description.nested_blocksize ?? 256;
  if (nestedAbsmax !== null) {
    const { dtype: codes } = source.info(absmax);
    if (codes !== "U8") fail(`The tensor ${absmax} holds ${codes}; the codes of a second quantisation are U8.`);
    expectLength(source, nestedAbsmax, Math.ceil(blocks / nestedBlockSize));
    expectLength(source, `${name}.nested_quant_map`, 256);
  }
  const state = {
    quantType: "nf4",
    shape,
    blockSize: blocksize,
    offset: nestedAbsmax === null ? 0 : Math.fround(description.nested_offset ?? 0),
    nestedBlockSize,
    code: source.readFloat32(`${name}.quant_map`),
    nestedCode: nestedAbsmax === null ? new Float32Array(0) : source.readFloat32(`${name}.nested_quant_map`),
    dtype,
  } as const;
  return { state, packed: name, absmax, nestedAbsmax };
}

/** Reads the NF4 matrix `name` and everything that stands beside it. */
export function readNf4(source: TensorSource, name: string): QuantState {
  const { state, packed, absmax, nestedAbsmax } = findNf4(source, name);
  return {
    ...state,
    packed: source.read(packed),
    absmax: nestedAbsmax === null ? source.readFloat32(absmax) : source.read(absmax),
    nestedAbsmax: nestedAbsmax === null ? new Float32Array(0) : source.readFloat32(nestedAbsmax),
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

function expectLength(source: TensorSource, name: string, length: number): void {
  const actual = elementCount(source.info(name).shape);
  if (actual !== length) fail(`The tensor ${name} holds ${actual} values, expected ${length}.`);
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
