/** Who holds how much memory: `model.memory()`, as numbers and as a table. */
import { inspect } from "node:util";
import { Table } from "../charts/table.js";
import type { DeviceMemory, MemoryOwner } from "../native/addon.js";
import { PROJECTIONS } from "../tensor/layers.js";
import { storedBytes, type TensorMemory, tensorMemory, weightBytes } from "../tensor/memory.js";
import type { CausalLM } from "./causalLm.js";

/** Bytes that the parts of one model hold, wherever they are. */
interface ModelBytes {
  /** Embedding, norms, biases, head and projections. */
  readonly weights: number;
  /** The projections alone, which are what loadIn4bit quantises. */
  readonly projections: number;
  /** What the projections would hold in 16 bits. */
  readonly projectionsIn16Bit: number;
  /** Adapter values and their gradients. */
  readonly adapters: number;
}

/** Bytes of one holder, now and at most; null where nobody counts the most. */
export interface MemoryRow {
  readonly what: string;
  readonly now: number;
  readonly most: number | null;
}

/** Who holds the GPU's memory, in the words of a report. */
const OWNERS: Readonly<Record<MemoryOwner, string>> = {
  weights: "weights",
  adapters: "adapters and their gradients",
  optimizer: "optimizer",
  activations: "activations",
  cache: "KV cache",
  workspace: "workspace",
};

/** Bytes that a model and the backend hold. A notebook shows them as a table, and so does a terminal. */
export class MemoryReport implements ModelBytes {
  readonly weights: number;
  readonly projections: number;
  readonly projectionsIn16Bit: number;
  readonly adapters: number;
  /** Resident memory of the process. */
  readonly process: number;
  /** On the backend "cuda": the GPU's memory by who holds it, now and at most; null elsewhere. */
  readonly gpu: DeviceMemory | null;
  /** Every holder of the memory that is computed in, and what the process and the host hold beside it. */
  readonly rows: readonly MemoryRow[];

  constructor(model: ModelBytes, tensors: TensorMemory) {
    this.weights = model.weights;
    this.projections = model.projections;
    this.projectionsIn16Bit = model.projectionsIn16Bit;
    this.adapters = model.adapters;
    this.process = tensors.process;
    this.gpu = tensors.gpu;
    this.rows = tensors.gpu === null ? hostRows(model, tensors) : deviceRows(tensors.gpu, tensors.process);
  }

  /** The rows in one unit that suits the largest. */
  table(): Table {
    const largest = this.rows.reduce((most, row) => Math.max(most, row.now, row.most ?? 0), 0);
    const [unit, size] = largest >= 2 ** 30 ? ["GiB", 2 ** 30] : ["MiB", 2 ** 20];
    const rounded = (bytes: number) => (bytes / size).toFixed(2).padStart(8);
    const rows = this.rows.map(({ what, now, most }) => ({
      memory: what,
      [`now, ${unit}`]: rounded(now),
      ...(this.gpu === null ? {} : { [`at most, ${unit}`]: most === null ? "" : rounded(most) }),
    }));
    return new Table(rows, this.gpu === null ? "Memory" : "Memory of the GPU and the host");
  }

  toString(): string {
    return this.table().toString();
  }

  [Symbol.for("Jupyter.display")](): Readonly<Record<string, unknown>> {
    return { "text/html": this.table().toHtml(), "text/plain": this.toString() };
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

function deviceRows(gpu: DeviceMemory, process: number): MemoryRow[] {
  const owners = Object.entries(OWNERS) as [MemoryOwner, string][];
  return [
    ...owners.map(([owner, what]) => ({ what, now: gpu.owners[owner].inUse, most: gpu.owners[owner].peak })),
    { what: "all of these", now: gpu.inUse, most: gpu.peak },
    { what: "with what is kept for the next op", now: gpu.reserved, most: gpu.reservedPeak },
    { what: "free on the GPU", now: gpu.free, most: null },
    { what: "host memory that the GPU reads", now: gpu.host, most: null },
    { what: "process", now: process, most: null },
  ];
}

function hostRows({ weights, adapters }: ModelBytes, tensors: TensorMemory): MemoryRow[] {
  const rows: [string, number][] = [
    ["weights", weights],
    [OWNERS.adapters, adapters],
    ["activations", tensors.activations],
    ["KV cache", tensors.kvCaches],
    ["expanded weights", tensors.expandedWeights],
    ["kept for the next op", tensors.reserve],
    ["process", tensors.process],
  ];
  return rows.map(([what, now]) => ({ what, now, most: null }));
}

export function memoryOf(model: CausalLM): MemoryReport {
  let rest = storedBytes(model.embedTokens) + storedBytes(model.norm);
  if (!model.config.tieWordEmbeddings) rest += weightBytes(model.lmHead);
  let projections = 0;
  let projectionsIn16Bit = 0;
  let adapters = 0;
  for (const layer of model.layers) {
    rest += storedBytes(layer.inputNorm) + storedBytes(layer.postAttentionNorm);
    for (const name of PROJECTIONS) {
      const { weight, bias, lora, inFeatures, outFeatures } = layer.projections[name];
      projections += weightBytes(weight);
      projectionsIn16Bit += 2 * inFeatures * outFeatures;
      if (bias !== null) rest += storedBytes(bias);
      for (const parameter of [lora?.a, lora?.b]) {
        if (parameter !== undefined) adapters += storedBytes(parameter.value);
        if (parameter?.grad) adapters += storedBytes(parameter.grad);
      }
    }
  }
  return new MemoryReport({ weights: rest + projections, projections, projectionsIn16Bit, adapters }, tensorMemory());
}
