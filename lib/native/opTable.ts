/**
 * The op table that every native backend implements. Buffers are typed arrays on the CPU; a device backend fills in
 * its own types for `Buffers`. Matrices are row-major; outputs are written into buffers that the caller gives.
 */
import type { LayerGeometry, Projection, Saving } from "../tensor/layers.js";

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

/** An object that lives in the backend; freed by `dispose` or when it is collected. */
export interface NativeHandle<Kind extends string> {
  readonly __kind?: Kind;
}
export type NativeLinearHandle = NativeHandle<"linear layer">;
export type NativeKvCache = NativeHandle<"key/value cache">;
export type NativeDecoderLayer = NativeHandle<"decoder layer">;
/** What one forward pass of a decoder layer kept for its backward pass. */
export type NativeLayerState = NativeHandle<"decoder layer state">;
/** Threads that read files. Disposed of, it waits for the pieces under way and gives up the rest: those reads fail. */
export type NativeFileReader = NativeHandle<"file reader">;

/** QuantState, with the backend's buffers. */
export interface NativeQuantState<B extends Buffers> {
  readonly shape: readonly number[];
  readonly packed: B["u8"];
  readonly absmax: B["f32"] | B["u8"];
  readonly blockSize: number;
  readonly offset: number;
  readonly nestedAbsmax: B["f32"];
  readonly nestedBlockSize: number;
  readonly code: B["f32"];
  readonly nestedCode: B["f32"];
}

export type NativeWeight<B extends Buffers> =
  | { readonly kind: "nf4"; readonly state: NativeQuantState<B> }
  | { readonly kind: "dense"; readonly values: B["f32"] };

/** A [rank, in], B [out, rank]; the rank follows from the length of `a`. */
export interface NativeLora<B extends Buffers> {
  readonly a: B["f32"];
  readonly b: B["f32"];
  readonly scaling: number;
  /** Probability in [0, 1) of dropping an input of A when `training`. */
  readonly dropout: number;
}

export interface NativeLinear<B extends Buffers> {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly weight: NativeWeight<B>;
  readonly bias: B["f32"] | null;
  readonly lora: NativeLora<B> | null;
}

/** Buffers are referred to, not copied: they must keep their place and size while the handle lives. */
export interface NativeDecoderLayerDescriptor<B extends Buffers> {
  readonly geometry: LayerGeometry;
  readonly inputNorm: B["f32"];
  readonly postAttentionNorm: B["f32"];
  readonly projections: Readonly<Record<Projection, NativeLinear<B>>>;
}

export interface NativePackedSequences<B extends Buffers> {
  /** [sequences + 1], from 0 to the number of rows. */
  readonly cuSeqlens: B["i32"];
  /** [rows], 0 to 2^20 - 1. */
  readonly positions: B["i32"];
}

/** Gradients that are added to: A's [rank, in] and B's [out, rank]. */
export interface NativeLoraGradient<B extends Buffers> {
  readonly a: B["f32"] | null;
  readonly b: B["f32"] | null;
}

export interface ForwardOptions {
  readonly saving: Saving;
  /** Applies LoRA dropout. */
  readonly training: boolean;
  /** Unsigned 32 bits; keys the dropout masks. */
  readonly seed: number;
}

/** Versions and processor features, for reports. */
export interface NativeVersion {
  readonly blas: string;
  readonly compiler: string;
  readonly cpuFeatures: readonly string[];
}

/** Bytes: handed out, kept for reuse, the most of both together, and weights kept expanded to float32. */
export interface NativeMemory {
  readonly inUse: number;
  readonly pooled: number;
  readonly peak: number;
  readonly panels: number;
}

export interface RuntimeOps {
  /** Threads that ops divide their work over, 1 to 64. Results are deterministic for a given count. */
  setThreads(threads: number): void;
  getThreads(): number;
  version(): NativeVersion;
  memory(): NativeMemory;
  /** Returns pooled memory and expanded weights to the system; both come back when they are needed. */
  trim(): void;
  /** Bytes of weights that may stay expanded to float32 between calls; 1 GiB by default, 0 for none. */
  setPanelBudget(bytes: number): void;
  /** Frees the native part of a handle now. */
  dispose(handle: NativeHandle<string>): void;
}

export interface ReaderOps<Target> {
  /**
   * Threads that read pieces of files at the same time; by default three for every four cores, 2 to 12, and pieces of 4 MiB.
   * On a GPU each thread passes them through two blocks of pinned memory.
   */
  createFileReader(options?: {
    /** 1 to 64. */
    readonly threads?: number;
    readonly pieceBytes?: number;
  }): NativeFileReader;
  /**
   * Fills `buffer` with the bytes of an open file from `offset` on, in the order of the calls. The descriptor may be closed
   * at once; the buffer holds them for whatever is queued after the promise was kept. Rejected where the file ends early or
   * cannot be read: a sentence without the file's name, for the caller knows it.
   */
  readIntoBuffer(reader: NativeFileReader, descriptor: number, offset: number, buffer: Target): Promise<void>;
}

export interface DecoderLayerOps<B extends Buffers> {
  createDecoderLayer(descriptor: NativeDecoderLayerDescriptor<B>): NativeDecoderLayer;
  /** Sets, replaces or takes away (null) the LoRA pair of one projection. */
  setLora(layer: NativeDecoderLayer, projection: Projection, lora: NativeLora<B> | null): void;
  /** y = layer(x), both [rows, hiddenSize]. */
  decoderLayerForward(
    layer: NativeDecoderLayer,
    x: B["f32"],
    y: B["f32"],
    batch: NativePackedSequences<B>,
    options: ForwardOptions,
  ): NativeLayerState;
  /**
   * dx = gradient of the input (null: not made, for the first layer; may be dy), and LoRA gradients are added to
   * `gradients`. A state serves one backward pass; x and batch are those of the forward pass.
   */
  decoderLayerBackward(
    layer: NativeDecoderLayer,
    state: NativeLayerState,
    x: B["f32"],
    dy: B["f32"],
    dx: B["f32"] | null,
    batch: NativePackedSequences<B>,
    gradients: Readonly<Partial<Record<Projection, NativeLoraGradient<B>>>>,
  ): void;
}

export interface NormOps<B extends Buffers> {
  /** y = x * rstd * weight, rstd [rows] = 1 / sqrt(mean(x²) + eps). */
  rmsNormForward(x: B["f32"], weight: B["f32"], eps: number, y: B["f32"], rstd: B["f32"]): void;
  rmsNormBackward(x: B["f32"], weight: B["f32"], rstd: B["f32"], dy: B["f32"], dx: B["f32"]): void;
}

/** bitsandbytes' CPU or CUDA rounding, see lib/quant/variant.ts. */
export type NativeVariant = "cpu" | "cuda";

export interface QuantOps<B extends Buffers> {
  /** packed [ceil(n / 2)] and absmax [ceil(n / blockSize)] of `values`; blockSize is even. */
  quantizeNf4(values: B["f32"], blockSize: number, variant: NativeVariant, packed: B["u8"], absmax: B["f32"]): void;
  /** values [n], n being the elements that `state` holds; undoes the second quantisation too. */
  dequantizeNf4(state: NativeQuantState<B>, values: B["f32"]): void;
  /** quantized [n] and absmax [ceil(n / blockSize)]; `code` has 256 ascending values. */
  quantizeBlockwise(
    values: B["f32"],
    code: B["f32"],
    blockSize: number,
    variant: NativeVariant,
    quantized: B["u8"],
    absmax: B["f32"],
  ): void;
  dequantizeBlockwise(quantized: B["u8"], absmax: B["f32"], code: B["f32"], blockSize: number, values: B["f32"]): void;
}

export interface LinearOps<B extends Buffers> {
  createLinear(descriptor: NativeLinear<B>): NativeLinearHandle;
  setLinearLora(linear: NativeLinearHandle, lora: NativeLora<B> | null): void;
  /** y [rows, out] = x [rows, in] Wᵀ + bias + LoRA. */
  linearForward(linear: NativeLinearHandle, x: B["f32"], y: B["f32"], options: Omit<ForwardOptions, "saving">): void;
  /** dx [rows, in] (null: not made); LoRA gradients are added to `gradient` (null: not made). Options as in forward. */
  linearBackward(
    linear: NativeLinearHandle,
    x: B["f32"],
    dy: B["f32"],
    dx: B["f32"] | null,
    gradient: NativeLoraGradient<B> | null,
    options: Omit<ForwardOptions, "saving">,
  ): void;
  /** y [ids, in]: rows of the layer's weight, so that a tied head serves as the table. */
  embedding(table: NativeLinearHandle, ids: B["i32"], y: B["f32"]): void;
  /**
   * Cross-entropy of the next token: row i of a sequence is compared with labels[i + 1] of the same sequence, -100 is
   * left out. `lossSum` is the plain sum over `count` rows; dHidden (null: not made) is the gradient of scale * lossSum.
   */
  linearCrossEntropy(
    head: NativeLinearHandle,
    hidden: B["f32"],
    labels: B["i32"],
    cuSeqlens: B["i32"],
    scale: number,
    dHidden: B["f32"] | null,
  ): { readonly lossSum: number; readonly count: number };
}

export interface CacheOps<B extends Buffers> {
  /** Keys and values of `sequences` sequences of up to `capacity` tokens; kvWidth = numKvHeads * headDim. */
  createKvCache(layers: number, kvWidth: number, sequences: number, capacity: number): NativeKvCache;
  /**
   * Inference on the new rows of every sequence of the cache (cuSeqlens has one entry more than it has sequences; a
   * finished sequence has no rows). Stores their keys and values behind the `lengths` [sequences] tokens held already,
   * and attends to all of them. `batch.positions` are absolute. The caller raises `lengths` after the last layer.
   */
  decoderLayerCached(
    layer: NativeDecoderLayer,
    cache: NativeKvCache,
    layerIndex: number,
    x: B["f32"],
    y: B["f32"],
    batch: NativePackedSequences<B>,
    lengths: B["i32"],
  ): void;
}

/** The numbers of one update, as lib/train/optim/optimizer.ts has them. */
export interface NativeAdamStep {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly gradScale: number;
  readonly step: number;
}

export interface OptimizerOps<B extends Buffers> {
  /** torch.optim.AdamW on each tensor, in place. */
  adamw32(
    tensors: readonly {
      readonly value: B["f32"];
      readonly gradient: B["f32"];
      readonly m: B["f32"];
      readonly v: B["f32"];
    }[],
    step: NativeAdamStep,
  ): void;
  /** bitsandbytes' AdamW: 8-bit states in blocks of 256, or float32 states (absmax1 and absmax2 empty), in place. */
  adamw8bit(
    tensors: readonly {
      readonly value: B["f32"];
      readonly gradient: B["f32"];
      readonly state1: B["u8"] | B["f32"];
      readonly state2: B["u8"] | B["f32"];
      readonly absmax1: B["f32"];
      readonly absmax2: B["f32"];
    }[],
    signedMap: B["f32"],
    unsignedMap: B["f32"],
    step: NativeAdamStep,
  ): void;
  /** L2 norm over all buffers together; the same for any number of threads. */
  gradNorm(gradients: readonly B["f32"][]): number;
  /** values *= factor */
  scale(values: B["f32"], factor: number): void;
}

export interface MatmulOps<B extends Buffers> {
  /** c [m, n] = a [m, k] b [k, n] */
  matmul(a: B["f32"], b: B["f32"], c: B["f32"], m: number, n: number, k: number): void;
}

export interface OpTable<B extends Buffers = HostBuffers>
  extends QuantOps<B>,
    LinearOps<B>,
    CacheOps<B>,
    OptimizerOps<B>,
    MatmulOps<B>,
    RuntimeOps,
    ReaderOps<B["u8"]>,
    DecoderLayerOps<B>,
    NormOps<B> {}
