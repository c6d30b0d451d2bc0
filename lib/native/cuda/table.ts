/**
 * What the CUDA backend exports beside the ops of the table: buffers on the device, and forms of the ops that leave their
 * result there. Activations are f32, bf16 or f16, and the type of an op's input decides what it computes in; LoRA pairs,
 * norms, biases and gradients of parameters are always f32. Offsets, positions, ids and labels stay on the host.
 */
import type { LayerGeometry } from "../../tensor/layers.js";
import type {
  Buffers,
  CacheOps,
  DecoderLayerOps,
  LinearOps,
  MatmulOps,
  NativeAdamStep,
  NativeDecoderLayer,
  NativeHandle,
  NativeKvCache,
  NativeLinearHandle,
  NativePackedSequences,
  NormOps,
  OptimizerOps,
  QuantOps,
  ReaderOps,
} from "../opTable.js";

export type DeviceType = "f32" | "bf16" | "f16" | "i32" | "u8";

/** A buffer on the GPU; freed by `dispose` or when it is collected. */
export interface DeviceBuffer extends NativeHandle<"device buffer"> {
  readonly dtype: DeviceType;
  readonly length: number;
}

export interface DeviceBuffers extends Buffers {
  f32: DeviceBuffer;
  i32: Int32Array;
  u8: DeviceBuffer;
}

/** Who holds memory, for the report. */
export type MemoryOwner = "weights" | "adapters" | "optimizer" | "activations" | "cache" | "workspace";

/** Bytes. `free` and `total` are the whole GPU's, other processes included. */
export interface DeviceMemory {
  readonly inUse: number;
  readonly peak: number;
  /** What is taken from the device, now and at most: more than is in use, for freed memory is kept for the next op. */
  readonly reserved: number;
  readonly reservedPeak: number;
  readonly free: number;
  readonly total: number;
  /** Pinned host memory of host buffers and stores. */
  readonly host: number;
  readonly owners: Readonly<Record<MemoryOwner, { readonly inUse: number; readonly peak: number }>>;
}

export type DeviceProbe =
  | { readonly available: false; readonly reason: string }
  | {
      readonly available: true;
      readonly name: string;
      readonly index: number;
      readonly count: number;
      readonly computeCapability: string;
      readonly multiprocessors: number;
      readonly totalMemory: number;
      readonly memoryPools: boolean;
      readonly driverVersion: string;
      readonly runtimeVersion: string;
      readonly cublasLt: { readonly path: string; readonly version: number };
    };

/** A Uint16Array holds the bits of f16 values where the buffer is f16, else of bf16. */
export type HostArray = Float32Array | Uint16Array | Int32Array | Uint8Array;

export interface DeviceOps {
  /** Whether there is a usable GPU, its driver and cuBLASLt, or why not. Never throws. */
  probe(): DeviceProbe;
  /** Uninitialised. The owner is "workspace" unless given. */
  createBuffer(dtype: DeviceType, length: number, owner?: MemoryOwner): DeviceBuffer;
  /** Uninitialised, in pinned host memory that ops read over the bus: for what is read seldom, or a few rows at a time. */
  createHostBuffer(dtype: DeviceType, length: number): DeviceBuffer;
  /** float32 values may become bf16 or f16 on the way. The array may be changed as soon as this returns. */
  upload(array: HostArray, options?: { readonly dtype?: DeviceType; readonly owner?: MemoryOwner }): DeviceBuffer;
  write(buffer: DeviceBuffer, array: HostArray, offset?: number): void;
  /**
   * The values once all queued work that they depend on is done, or `length` of them from `offset` on; halves come as
   * float32. JavaScript goes on meanwhile.
   */
  download(buffer: DeviceBuffer, offset?: number, length?: number): Promise<Float32Array | Int32Array | Uint8Array>;
  downloadSync(buffer: DeviceBuffer): Float32Array | Int32Array | Uint8Array;
  /** Between buffers of one length; converts between f32, bf16 and f16. */
  copy(from: DeviceBuffer, to: DeviceBuffer): void;
  fill(buffer: DeviceBuffer, value: number): void;
  /** Waits for all queued work. */
  synchronize(): void;
  memory(): DeviceMemory;
  /** Peaks count anew from what is in use. */
  resetPeaks(): void;
  /** Gives unused memory back to the driver. */
  trim(): void;
  /** Bytes of NF4 weights that may stay expanded between calls, 0 by default. */
  setPanelBudget(bytes: number): void;
  dispose(handle: NativeHandle<string>): void;
}

export type NativeHostStore = NativeHandle<"host store">;

/** A shelf in pinned host memory, whose copies run beside the computation. */
export interface HostStoreOps {
  /** Slots of at most `slotBytes` each; a slot's memory is there from its first write on. */
  createHostStore(slots: number, slotBytes: number): NativeHostStore;
  /** Queues a copy of the buffer, which may be disposed of at once: its memory is not used again before `hostStoreJoin`. */
  hostStoreWrite(store: NativeHostStore, slot: number, buffer: DeviceBuffer): void;
  /** Queues a copy of what was written last into a buffer of that size. Ops may read it after `hostStoreJoin`. */
  hostStoreRead(store: NativeHostStore, slot: number, buffer: DeviceBuffer): void;
  /** What is queued from now on comes after the slot's copy. Does not wait. */
  hostStoreJoin(store: NativeHostStore, slot: number): void;
}

type AttentionGeometry = Pick<LayerGeometry, "numHeads" | "numKvHeads" | "headDim">;
type Batch = NativePackedSequences<DeviceBuffers>;

/** Parts of the decoder layer on their own. Rows of qkv are q, then k, then v. */
export interface LayerPartOps {
  /** act [rows, width] = silu(gate) up, gate and up being the halves of each row of gateUp [rows, 2 width]. */
  swigluForward(gateUp: DeviceBuffer, act: DeviceBuffer, width: number): void;
  /** gateUp becomes its gradient. */
  swigluBackward(gateUp: DeviceBuffer, dAct: DeviceBuffer, width: number): void;
  /** Adds the biases, then rotates q and k, in place. */
  ropeForward(
    qkv: DeviceBuffer,
    geometry: AttentionGeometry,
    batch: Batch,
    ropeTheta: number,
    biases: { readonly q?: DeviceBuffer; readonly k?: DeviceBuffer; readonly v?: DeviceBuffer } | null,
  ): void;
  ropeBackward(dqkv: DeviceBuffer, geometry: AttentionGeometry, batch: Batch, ropeTheta: number): void;
  /** out [rows, numHeads headDim], lse [rows, numHeads]. */
  attentionForward(
    qkv: DeviceBuffer,
    geometry: AttentionGeometry,
    batch: Batch,
    out: DeviceBuffer,
    lse: DeviceBuffer,
  ): void;
  attentionBackward(
    qkv: DeviceBuffer,
    geometry: AttentionGeometry,
    batch: Batch,
    out: DeviceBuffer,
    lse: DeviceBuffer,
    dOut: DeviceBuffer,
    dqkv: DeviceBuffer,
  ): void;
}

/** Ops that neither wait for the GPU nor bring a number back. */
export interface QueuedOps {
  /** linearCrossEntropy with its sum left in lossSum [1]; returns the number of rows that count. */
  linearCrossEntropyQueued(
    head: NativeLinearHandle,
    hidden: DeviceBuffer,
    labels: Int32Array,
    cuSeqlens: Int32Array,
    scale: number,
    dHidden: DeviceBuffer | null,
    lossSum: DeviceBuffer,
  ): number;
  /** norm [1] = L2 norm of all gradients; coefficient [1] = min(1, maxNorm / (norm + 1e-6)). */
  gradNormQueued(
    gradients: readonly DeviceBuffer[],
    maxNorm: number,
    norm: DeviceBuffer,
    coefficient: DeviceBuffer,
  ): void;
  /** The second quantisation of scales: codes [n], nestedAbsmax, and their mean in offset [1]. */
  quantizeScales(
    absmax: DeviceBuffer,
    nestedBlockSize: number,
    nestedCode: DeviceBuffer,
    codes: DeviceBuffer,
    nestedAbsmax: DeviceBuffer,
    offset: DeviceBuffer,
  ): void;
  /**
   * The first of `values` that is infinite or no number, in found [2], i32: its float32 bits, then its index as an unsigned
   * number; all bits set where every value is finite.
   */
  firstNonFinite(values: DeviceBuffer, found: DeviceBuffer): void;
}

export type NativeDecoder = NativeHandle<"decoder">;

/** A whole model, as decoding takes it. Buffers are referred to: changes of their values in place are seen. */
export interface DecoderModel {
  readonly layers: readonly NativeDecoderLayer[];
  readonly table: NativeLinearHandle;
  readonly norm: DeviceBuffer;
  readonly rmsNormEps: number;
  readonly head: NativeLinearHandle;
}

/** The texts of a cache, and how their tokens are chosen; see GenerateOptions. */
export interface DecoderTexts {
  /** Tokens that the cache holds of each. */
  readonly lengths: Int32Array;
  readonly doSample: boolean;
  readonly temperature: number;
  /** 1 to 1024 when `doSample`. */
  readonly topK: number;
  readonly topP: number;
  readonly repetitionPenalty: number;
  readonly minNewTokens: number;
  readonly maxNewTokens: number;
  readonly padTokenId: number;
  readonly eosTokenIds: Int32Array;
  /** With a repetition penalty: a bit for each token that a text has, [texts, ceil(vocabSize / 32)]. */
  readonly seen: Int32Array | null;
  /** With `doSample`: the numbers in [0, 1) that decide, [texts, maxNewTokens]. */
  readonly uniforms: Float32Array | null;
  /** Record a step once and replay it. */
  readonly graph: boolean;
}

/** Generation that stays on the GPU, in bf16 or f16: a step runs the whole model on each text's last token and chooses the next. */
export interface DecoderOps {
  /**
   * `tokens` [texts] receives the token chosen last of each text; those that ended get the padding token.
   * Null where there are no kernels for the model: float32, more than 32 texts, unusual shapes.
   */
  createDecoder(
    model: DecoderModel,
    cache: NativeKvCache,
    texts: DecoderTexts,
    tokens: DeviceBuffer,
  ): NativeDecoder | null;
  /** The model's buffers are other ones from now on. */
  updateDecoder(decoder: NativeDecoder, model: DecoderModel, cache: NativeKvCache): void;
  /** The first tokens, from the logits [texts, vocabSize] that follow the prompts; overwrites them. */
  decoderChoose(decoder: NativeDecoder, logits: DeviceBuffer): void;
  /** The next tokens. */
  decoderStep(decoder: NativeDecoder): void;
}

/** `gradScale` may be a buffer [1], such as the coefficient of gradNormQueued. */
export type DeviceAdamStep = Omit<NativeAdamStep, "gradScale"> & { readonly gradScale: number | DeviceBuffer };

type TensorsOf<Op> = Op extends (tensors: infer Tensors, ...rest: never[]) => void ? Tensors : never;

export interface DeviceOptimizerOps extends Pick<OptimizerOps<DeviceBuffers>, "gradNorm" | "scale"> {
  adamw32(tensors: TensorsOf<OptimizerOps<DeviceBuffers>["adamw32"]>, step: DeviceAdamStep): void;
  adamw8bit(
    tensors: TensorsOf<OptimizerOps<DeviceBuffers>["adamw8bit"]>,
    signedMap: DeviceBuffer,
    unsignedMap: DeviceBuffer,
    step: DeviceAdamStep,
  ): void;
}

export interface CudaTable
  extends DeviceOps,
    HostStoreOps,
    LayerPartOps,
    QueuedOps,
    DeviceOptimizerOps,
    DecoderOps,
    ReaderOps<DeviceBuffer>,
    QuantOps<DeviceBuffers>,
    LinearOps<DeviceBuffers>,
    CacheOps<DeviceBuffers>,
    DecoderLayerOps<DeviceBuffers>,
    NormOps<DeviceBuffers> {
  /** c [m, n] = alpha op(a) op(b) + beta c. */
  matmul(
    ...args: [
      ...Parameters<MatmulOps<DeviceBuffers>["matmul"]>,
      options?: {
        readonly transposeA?: boolean;
        readonly transposeB?: boolean;
        readonly alpha?: number;
        readonly beta?: number;
      },
    ]
  ): void;
}
