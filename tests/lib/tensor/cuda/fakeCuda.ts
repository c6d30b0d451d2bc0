/**
 * Tables of the shape of the addon's CUDA tables that compute with the CPU ops: buffers are host memory that only the
 * tables touch, halves are rounded after every op, and disposed buffers are refused. Where there is no GPU it runs the
 * whole way from a model to the ops and back; it counts how often JavaScript would have waited.
 */
import { bf16ToFloat32, f16ToFloat32, float32ToBf16, float32ToF16 } from "../../../../lib/formats/halves.js";
import { argmax } from "../../../../lib/generate/sample.js";
import type {
  Addon,
  CudaTable,
  DecoderModel,
  DecoderTexts,
  DeviceBuffer,
  DeviceMemory,
  DeviceType,
  HostArray,
  MemoryOwner,
} from "../../../../lib/native/addon.js";
import { torchMean } from "../../../../lib/quant/torchMean.js";
import type { TensorTable } from "../../../../lib/tensor/backend/table.js";
import type { CudaTables } from "../../../../lib/tensor/cuda/register.js";
import { ELEMENT_BYTES } from "../../../../lib/tensor/cuda/storage.js";

type Memory = Float32Array | Int32Array | Uint8Array;

class FakeBuffer implements DeviceBuffer {
  constructor(
    readonly dtype: DeviceType,
    public memory: Memory | null,
    readonly owner: MemoryOwner | "host",
  ) {
    this.length = memory!.length;
    if (owner !== "host" && heldBytes() + this.bytes > limit) {
      refuse(`The GPU Fake GPU is out of memory. In use:\n  activations: ${heldBytes("activations")}`);
    }
    if (owner === "host" && !pinnable) refuse("The host is out of memory that can be pinned.");
    live.add(this);
    most = Math.max(most, heldBytes());
  }
  readonly length: number;

  get array(): Memory {
    if (this.memory === null) throw new Error("This device buffer was disposed of.");
    return this.memory;
  }
  get bytes(): number {
    return this.length * ELEMENT_BYTES[this.dtype];
  }
  round(): void {
    if (this.memory === null) return;
    const values = this.memory as Float32Array;
    if (this.dtype === "bf16") values.set(bf16ToFloat32(float32ToBf16(values)));
    if (this.dtype === "f16") values.set(f16ToFloat32(float32ToF16(values)));
  }
}

class FakeHandle {
  constructor(readonly inner: object) {}
}

/** Copies are made when they are asked for and arrive when they are waited for: who reads too early finds nothing. */
class FakeStore {
  readonly slots: { values: Memory; dtype: DeviceType }[] = [];
  readonly coming = new Map<number, FakeBuffer>();
  constructor(
    readonly count: number,
    readonly slotBytes: number,
  ) {}

  write(slot: number, from: FakeBuffer): void {
    if (!pinnable) refuse("The host is out of memory that can be pinned.");
    if (slot >= this.count || from.bytes > this.slotBytes)
      throw new Error(`Slot ${slot} does not take ${from.bytes} bytes.`);
    this.slots[slot] = { values: from.array.slice(), dtype: from.dtype };
  }
  read(slot: number, to: FakeBuffer): void {
    const { values, dtype } = this.slots[slot]!;
    if (to.dtype !== dtype || to.length !== values.length) throw new Error(`Slot ${slot} holds something else.`);
    (to.array as Float32Array).fill(Number.NaN);
    this.coming.set(slot, to);
  }
  join(slot: number): void {
    this.coming.get(slot)?.memory?.set(this.slots[slot]!.values);
    this.coming.delete(slot);
  }
}

/** Greedy decoding by the CPU ops, in the terms of the CUDA table. */
class FakeDecoder {
  readonly lengths: Int32Array;
  readonly open: boolean[];
  readonly produced: number[];
  constructor(
    readonly cpu: Addon["cpu"],
    public model: DecoderModel,
    readonly cache: FakeHandle,
    readonly texts: DecoderTexts,
    readonly tokens: FakeBuffer,
  ) {
    this.lengths = texts.lengths.slice();
    this.open = [...texts.lengths].map(() => true);
    this.produced = this.open.map(() => 0);
  }

  choose(logits: Float32Array): void {
    const width = logits.length / this.open.length;
    this.open.forEach((open, i) => {
      const token = open ? argmax(logits.subarray(i * width, (i + 1) * width)) : this.texts.padTokenId;
      this.tokens.array[i] = token;
      if (!open) return;
      this.produced[i]!++;
      this.open[i] = !this.texts.eosTokenIds.includes(token) && this.produced[i]! < this.texts.maxNewTokens;
    });
  }

  step(): void {
    const { cpu, model, lengths } = this;
    const inner = (handle: unknown) => (handle as FakeHandle).inner;
    const norm = (model.norm as FakeBuffer).array as Float32Array;
    const rows = lengths.length;
    const ids = Int32Array.from(this.tokens.array);
    let x = new Float32Array(rows * norm.length);
    cpu.embedding(inner(model.table), ids, x);
    const cuSeqlens = Int32Array.from({ length: rows + 1 }, (_, i) => i);
    model.layers.forEach((layer, index) => {
      const y = new Float32Array(x.length);
      const batch = { cuSeqlens, positions: lengths };
      cpu.decoderLayerCached(inner(layer), inner(this.cache), index, x, y, batch, lengths);
      x = y;
    });
    this.open.forEach((open, i) => {
      if (open) lengths[i]!++;
    });
    const y = new Float32Array(x.length);
    cpu.rmsNormForward(x, norm, model.rmsNormEps, y, new Float32Array(rows));
    const logits = new Float32Array(rows * this.vocabulary);
    cpu.linearForward(inner(model.head), y, logits, { training: false, seed: 0 });
    this.choose(logits);
  }

  vocabulary = 0;
}

const live = new Set<FakeBuffer>();
let limit = Number.POSITIVE_INFINITY;
let most = 0;

let pinnable = true;

function refuse(message: string): never {
  throw Object.assign(new Error(message), { code: "TUNELAB_OUT_OF_MEMORY" });
}

/** Whether the host has memory to pin. */
export function setPinnable(possible: boolean): void {
  pinnable = possible;
}

/** Bytes that the fake GPU has. */
export function setLimit(bytes: number): void {
  limit = bytes;
}

/** What happened since `resetCounts`. */
export const counts = {
  waits: 0,
  ops: {} as Record<string, number>,
  tensorOps: {} as Record<string, number>,
};
export function resetCounts(): void {
  counts.waits = 0;
  counts.ops = {};
  counts.tensorOps = {};
}

/** Bytes that are in use, by owner. */
export function heldBytes(owner?: MemoryOwner | "host"): number {
  const counts = (buffer: FakeBuffer) => (owner === undefined ? buffer.owner !== "host" : buffer.owner === owner);
  return [...live].reduce((sum, buffer) => sum + (counts(buffer) ? buffer.bytes : 0), 0);
}

/** Arguments as the CPU ops take them; buffers that come by are noted in `seen`. */
function host(value: unknown, seen: FakeBuffer[]): unknown {
  if (value instanceof FakeBuffer) {
    seen.push(value);
    return value.array;
  }
  if (value instanceof FakeHandle) return value.inner;
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map((item) => host(item, seen));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, host(item, seen)]));
}

/** The bits of halves as the values that they stand for. */
function widened(array: HostArray, dtype: DeviceType): Memory {
  if (!(array instanceof Uint16Array)) return array;
  return dtype === "f16" ? f16ToFloat32(array) : bf16ToFloat32(array);
}

function allocate(dtype: DeviceType, length: number): Memory {
  if (dtype === "i32") return new Int32Array(length);
  if (dtype === "u8") return new Uint8Array(length);
  return new Float32Array(length).fill(Number.NaN);
}

/** The tables that a GPU would have. */
export function fakeTables({ cpu, tensor }: Pick<Addon, "cpu" | "tensor">): CudaTables {
  return { cuda: fakeCuda(cpu), cudaTensor: fakeCudaTensor(tensor) };
}

/** The CPU's ops on the arrays behind buffers. */
function fakeCudaTensor(tensor: TensorTable): TensorTable {
  return new Proxy(tensor, {
    get(table, name) {
      const key = String(name);
      const run = table[key as keyof TensorTable] as ((...args: unknown[]) => void) | undefined;
      if (run === undefined) throw new Error(`There is no tensor op ${key}.`);
      return (...args: unknown[]) => {
        counts.tensorOps[key] = (counts.tensorOps[key] ?? 0) + 1;
        const seen: FakeBuffer[] = [];
        run(...args.map((value) => host(value, seen)));
        for (const buffer of seen) buffer.round();
      };
    },
  });
}

function fakeCuda(cpu: Addon["cpu"]): CudaTable {
  const fake = (buffer: unknown) => buffer as FakeBuffer;
  const floats = (buffer: unknown) => fake(buffer).array as Float32Array;
  const own: Readonly<Record<string, (...args: never[]) => unknown>> = {
    probe: () => ({
      available: true,
      name: "Fake GPU",
      index: 0,
      count: 1,
      computeCapability: "9.0",
      multiprocessors: 1,
      totalMemory: 2 ** 33,
      memoryPools: true,
      driverVersion: "13.0",
      runtimeVersion: "13.0",
      cublasLt: { path: "libcublasLt.so", version: 130000 },
    }),
    createBuffer: (dtype: DeviceType, length: number, owner: MemoryOwner = "workspace") =>
      new FakeBuffer(dtype, allocate(dtype, length), owner),
    upload(array: HostArray, options: { dtype?: DeviceType; owner?: MemoryOwner } = {}) {
      const natural = array instanceof Uint16Array ? "bf16" : array instanceof Uint8Array ? "u8" : "f32";
      const dtype = options.dtype ?? (array instanceof Int32Array ? "i32" : natural);
      const buffer = new FakeBuffer(dtype, widened(array, dtype).slice(), options.owner ?? "workspace");
      buffer.round();
      return buffer;
    },
    write: (buffer: DeviceBuffer, array: HostArray, offset = 0) =>
      fake(buffer).array.set(widened(array, buffer.dtype), offset),
    createHostBuffer: (dtype: DeviceType, length: number) => new FakeBuffer(dtype, allocate(dtype, length), "host"),
    createHostStore: (slots: number, bytes: number) => new FakeHandle(new FakeStore(slots, bytes)),
    hostStoreWrite: (store: FakeHandle, slot: number, from: DeviceBuffer) =>
      (store.inner as FakeStore).write(slot, fake(from)),
    hostStoreRead: (store: FakeHandle, slot: number, to: DeviceBuffer) =>
      (store.inner as FakeStore).read(slot, fake(to)),
    hostStoreJoin: (store: FakeHandle, slot: number) => (store.inner as FakeStore).join(slot),
    download: async (buffer: DeviceBuffer, offset = 0, length = buffer.length - offset) =>
      fake(buffer).array.slice(offset, offset + length),
    downloadSync(buffer: DeviceBuffer) {
      counts.waits++;
      return fake(buffer).array.slice();
    },
    copy(from: DeviceBuffer, to: DeviceBuffer) {
      fake(to).array.set(fake(from).array);
      fake(to).round();
    },
    fill: (buffer: DeviceBuffer, value: number) => fake(buffer).array.fill(value),
    memory(): DeviceMemory {
      const names = ["weights", "adapters", "optimizer", "activations", "cache", "workspace"] as const;
      const owners = Object.fromEntries(names.map((name) => [name, { inUse: heldBytes(name), peak: heldBytes(name) }]));
      const inUse = heldBytes();
      const total = Math.min(2 ** 33, limit);
      return {
        inUse,
        peak: most,
        reserved: inUse,
        reservedPeak: most,
        free: total - inUse,
        total,
        host: heldBytes("host"),
        owners: owners as DeviceMemory["owners"],
      };
    },
    resetPeaks() {
      most = heldBytes();
    },
    trim: () => undefined,
    createDecoder: (model: DecoderModel, cache: FakeHandle, texts: DecoderTexts, tokens: FakeBuffer) =>
      texts.doSample ? null : new FakeDecoder(cpu, model, cache, texts, tokens),
    updateDecoder: (decoder: FakeDecoder, model: DecoderModel) => Object.assign(decoder, { model }),
    decoderChoose(decoder: FakeDecoder, logits: DeviceBuffer) {
      decoder.vocabulary = logits.length / decoder.open.length;
      decoder.choose(floats(logits));
    },
    decoderStep: (decoder: FakeDecoder) => decoder.step(),
    dispose(handle: unknown) {
      if (handle instanceof FakeHandle && !(handle.inner instanceof FakeStore)) cpu.dispose(handle.inner);
      if (handle instanceof FakeBuffer) {
        handle.memory = null;
        live.delete(handle);
      }
    },
    linearCrossEntropyQueued(...args: unknown[]) {
      const seen: FakeBuffer[] = [];
      const given = args.slice(0, 6).map((value) => host(value, seen));
      const run = cpu.linearCrossEntropy as unknown as (...rest: unknown[]) => { lossSum: number; count: number };
      const { lossSum, count } = run(...given);
      for (const buffer of seen) buffer.round();
      floats(args[6])[0] = lossSum;
      return count;
    },
    gradNormQueued(gradients: DeviceBuffer[], maxNorm: number, norm: DeviceBuffer, coefficient: DeviceBuffer) {
      floats(norm)[0] = cpu.gradNorm(gradients.map(floats));
      floats(coefficient)[0] = Math.min(1, maxNorm / (floats(norm)[0]! + 1e-6));
    },
    quantizeScales(
      absmax: DeviceBuffer,
      blockSize: number,
      code: DeviceBuffer,
      codes: DeviceBuffer,
      nested: DeviceBuffer,
      offset: DeviceBuffer,
    ) {
      const mean = torchMean(floats(absmax));
      const centred = floats(absmax).map((scale) => scale - mean);
      cpu.quantizeBlockwise(centred, floats(code), blockSize, "cuda", fake(codes).array as Uint8Array, floats(nested));
      floats(offset)[0] = mean;
    },
    async readIntoBuffer(reader: FakeHandle, descriptor: number, offset: number, buffer: DeviceBuffer) {
      const { dtype, bytes: size } = fake(buffer);
      const bytes = new Uint8Array(size);
      await cpu.readIntoBuffer(reader.inner, descriptor, offset, bytes);
      const stored = { f32: Float32Array, bf16: Uint16Array, f16: Uint16Array, i32: Int32Array, u8: Uint8Array };
      const values = new stored[dtype](bytes.buffer);
      fake(buffer).memory?.set(widened(values, dtype));
    },
    firstNonFinite(values: DeviceBuffer, found: DeviceBuffer) {
      const element = floats(values).findIndex((value) => !Number.isFinite(value));
      const bits = new Int32Array(Float32Array.of(floats(values)[element] ?? 0).buffer)[0]!;
      fake(found).array.set(element < 0 ? [-1, -1] : [bits, element]);
    },
    adamw8bit(tensors: Record<string, DeviceBuffer>[], ...rest: unknown[]) {
      const list = tensors.map((tensor) => {
        const entries = Object.entries(tensor).map(([key, buffer]) => [key, fake(buffer).array] as const);
        const arrays = Object.fromEntries(entries);
        if (arrays.state1 instanceof Float32Array) arrays.absmax1 = arrays.absmax2 = new Float32Array(0);
        return arrays;
      });
      const run = cpu.adamw8bit as unknown as (...args: unknown[]) => void;
      run(list, ...rest.map((value) => host(value, [])));
    },
    matmul(
      a: DeviceBuffer,
      b: DeviceBuffer,
      c: DeviceBuffer,
      m: number,
      n: number,
      k: number,
      { transposeA = false, transposeB = false }: { transposeA?: boolean; transposeB?: boolean } = {},
    ) {
      const left = transposeA ? turn(floats(a), k, m) : floats(a);
      const right = transposeB ? turn(floats(b), n, k) : floats(b);
      cpu.matmul(left, right, floats(c), m, n, k);
      fake(c).round();
    },
  };
  return new Proxy({} as CudaTable, {
    get(_, name) {
      const key = name as keyof CudaTable;
      const special = own[String(name)];
      return (...args: never[]) => {
        counts.ops[String(name)] = (counts.ops[String(name)] ?? 0) + 1;
        if (special !== undefined) return special(...args);
        const seen: FakeBuffer[] = [];
        const run = cpu[key as keyof Addon["cpu"]] as (...rest: unknown[]) => unknown;
        if (run === undefined) throw new Error(`There is no CPU op ${String(name)}.`);
        const result = run(...args.map((value) => host(value, seen)));
        for (const buffer of seen) buffer.round();
        return typeof result === "object" && result !== null ? new FakeHandle(result) : result;
      };
    },
  });
}

/** Columns of [rows, columns] become rows. */
function turn(x: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(x.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) result[j * rows + i] = x[i * columns + j]!;
  return result;
}
