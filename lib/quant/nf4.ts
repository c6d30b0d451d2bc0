/**
 * 4-bit NormalFloat quantisation with double quantisation of its scales, bit for bit bitsandbytes'
 * (Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs", arXiv:2305.14314).
 */
import { checkOptions, fail } from "../errors.js";
import { dequantizeBlockwise, largestMagnitude, quantizeBlockwise } from "./blockwise8.js";
import { SIGNED_DYNAMIC_MAP } from "./dynamicMap.js";
import type { QuantState } from "./quantState.js";
import { torchMean } from "./torchMean.js";
import type { Variant } from "./variant.js";

/** Quantiles of the standard normal distribution, scaled to [-1, 1] (bitsandbytes csrc/kernels.cu). */
export const NF4_CODE: Float32Array = Float32Array.from([
  -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
]);

/**
 * A value above threshold i has a code above i. The CUDA constants are the float32 values that a compiler makes of
 * bitsandbytes' literals (csrc/kernels.cu); some lie so near the middle of two floats that a detour over double,
 * which is what JavaScript takes, would round them the other way.
 */
const THRESHOLDS: Readonly<Record<Variant, Float32Array>> = {
  cpu: Float32Array.from({ length: 15 }, (_, i) => Math.fround(NF4_CODE[i]! + NF4_CODE[i + 1]!) / 2),
  cuda: Float32Array.from([
    -0.8480964303016663, -0.6106329262256622, -0.4599952697753906, -0.33967943489551544, -0.23460740596055984,
    -0.13791173323988914, -0.045525018125772476, 0.03979014977812767, 0.1202552542090416, 0.2035212516784668,
    0.2920137718319893, 0.3893125355243683, 0.5016633868217468, 0.6427869200706482, 0.8614783883094788,
  ]),
};

const BLOCK_SIZES = [32, 64, 128, 256, 512, 1024, 2048, 4096];
const NESTED_BLOCK_SIZE = 256;
/** The smallest scale that bitsandbytes' CPU path divides by. */
const SMALLEST_SCALE = Math.fround(1e-38);

export interface QuantizeNf4Options {
  /** Values that share one scale: 32, 64, ..., 4096. Defaults to 64. */
  blockSize?: number;
  /** Quantise the scales themselves to 8 bits (their mean taken off, blocks of 256). Defaults to true. */
  doubleQuant?: boolean;
  /** Shape of the matrix, [out, in]; its product must be the number of values. Defaults to [values.length]. */
  shape?: readonly number[];
  /** The dtype that the values had in their checkpoint, kept in the state. Defaults to "float32". */
  dtype?: QuantState["dtype"];
  /** Which of bitsandbytes' implementations to follow bit for bit (see variant.ts). Defaults to "cpu". */
  variant?: Variant;
}

/**
 * Quantises float32 values to NF4, equal to bitsandbytes.functional.quantize_4bit(quant_type="nf4").
 * An odd number of values is padded with one zero.
 */
export function quantizeNf4(values: Float32Array, options: QuantizeNf4Options = {}): QuantState {
  checkOptions("quantizeNf4", options, ["blockSize", "doubleQuant", "shape", "dtype", "variant"]);
  const { blockSize = 64, doubleQuant = true, shape = [values.length], dtype = "float32", variant = "cpu" } = options;
  if (!BLOCK_SIZES.includes(blockSize)) {
    fail(`NF4 has no block size ${blockSize}.`, { hint: `Use one of ${BLOCK_SIZES.join(", ")}.` });
  }
  const size = shape.reduce((product, length) => product * length, 1);
  if (size !== values.length) {
    fail(`The shape [${shape.join(", ")}] holds ${size} values, but ${values.length} were given.`);
  }
  const { packed, absmax } = quantizeBlocks(values, blockSize, variant);
  const common = { quantType: "nf4", shape: [...shape], packed, blockSize, dtype, code: NF4_CODE } as const;
  if (!doubleQuant) {
    return {
      ...common,
      absmax,
      offset: 0,
      nestedAbsmax: new Float32Array(0),
      nestedBlockSize: NESTED_BLOCK_SIZE,
      nestedCode: SIGNED_DYNAMIC_MAP,
    };
  }
  const offset = absmax.length === 0 ? 0 : torchMean(absmax);
  const centred = absmax.map((scale) => scale - offset);
  const nested = quantizeBlockwise(centred, SIGNED_DYNAMIC_MAP, NESTED_BLOCK_SIZE, variant);
  return {
    ...common,
    absmax: nested.quantized,
    offset,
    nestedAbsmax: nested.absmax,
    nestedBlockSize: NESTED_BLOCK_SIZE,
    nestedCode: SIGNED_DYNAMIC_MAP,
  };
}

/** The float32 values that `state` stands for, row-major; equal to bitsandbytes.functional.dequantize_4bit in float32. */
export function dequantizeNf4(state: QuantState): Float32Array {
  const size = state.shape.reduce((product, length) => product * length, 1);
  const absmax = dequantizeScales(state);
  const { packed, code, blockSize } = state;
  const values = new Float32Array(size);
  for (let start = 0, block = 0; start < size; start += blockSize, block++) {
    const scale = absmax[block]!;
    const end = Math.min(start + blockSize, size);
    for (let i = start; i < end; i++) {
      const byte = packed[i >> 1]!;
      values[i] = code[i & 1 ? byte & 15 : byte >> 4]! * scale;
    }
  }
  return values;
}

/** One float32 scale a block, the second quantisation undone. */
export function dequantizeScales(state: QuantState): Float32Array {
  if (state.absmax instanceof Float32Array) return state.absmax;
  const centred = dequantizeBlockwise(state.absmax, state.nestedAbsmax, state.nestedCode, state.nestedBlockSize);
  return centred.map((scale) => scale + state.offset);
}

function quantizeBlocks(
  values: Float32Array,
  blockSize: number,
  variant: Variant,
): { packed: Uint8Array; absmax: Float32Array } {
  const packed = new Uint8Array(Math.ceil(values.length / 2));
  const absmax = new Float32Array(Math.ceil(values.length / blockSize));
  const thresholds = THRESHOLDS[variant];
  for (let block = 0; block < absmax.length; block++) {
    const start = block * blockSize;
    const end = Math.min(start + blockSize, values.length);
    const incomplete = end - start < blockSize;
    let scale = largestMagnitude(values, start, end);
    const divisor = variant === "cpu" ? Math.max(scale, SMALLEST_SCALE) : scale;
    if (variant === "cpu" && incomplete) scale = divisor;
    absmax[block] = scale;
    const reciprocal = Math.fround(1 / divisor);
    const divides = variant === "cpu" && incomplete;
    for (let i = start; i < end; i++) {
      const normed = Math.fround(divides ? values[i]! / divisor : values[i]! * reciprocal);
      const code = countBelow(thresholds, normed);
      packed[i >> 1] = packed[i >> 1]! | (i & 1 ? code : code << 4);
    }
  }
  // The pad is a zero, whose code is 7.
  if (values.length % 2 === 1) packed[packed.length - 1] = packed[packed.length - 1]! | 7;
  return { packed, absmax };
}

/** How many of the 15 ascending thresholds lie below `x`; 0 for NaN. */
function countBelow(thresholds: Float32Array, x: number): number {
  let count = x > thresholds[7]! ? 8 : 0;
  if (x > thresholds[count + 3]!) count += 4;
  if (x > thresholds[count + 1]!) count += 2;
  if (x > thresholds[count]!) count += 1;
  return count;
}
