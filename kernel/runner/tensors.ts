/** TensorFlow.js' own words for its tensors and models, by their shape: a notebook may bring a copy of its own. */

/** Reading more values would take long, and they may lie in a GPU's memory. */
const MAX_VALUES = 1_000_000;
/** Of a larger tensor, so many are shown of each dimension. */
const HEAD = 6;

interface Tensor {
  shape: number[];
  dtype: string;
  size: number;
  isDisposed: boolean;
  toString(verbose: boolean): string;
  slice(begin: number[], size: number[]): Tensor;
  dispose(): void;
}

interface LayersModel {
  summary(lineLength: undefined, positions: undefined, print: (line: string) => void): void;
}

/** Type, shape and values of a tensor; undefined for anything else. */
export function tensorText(value: object): string | undefined {
  if (!isTensor(value)) return undefined;
  const { shape, dtype, size } = value;
  if (value.isDisposed) return `Tensor, disposed\n  dtype: ${dtype}\n  shape: [${shape}]`;
  if (size <= MAX_VALUES) return value.toString(true);
  const head = value.slice(
    shape.map(() => 0),
    shape.map((length) => Math.min(length, HEAD)),
  );
  try {
    return head
      .toString(true)
      .replace(/shape: .*/, `shape: [${shape}]`)
      .replace("values:", `first values of ${size.toLocaleString("en-US")}:`);
  } finally {
    head.dispose();
  }
}

/** The table of a model's layers; undefined for anything else, and for a model that is not built yet. */
export function summaryText(value: object): string | undefined {
  const { summary, layers, predict } = value as Partial<Record<"summary" | "layers" | "predict", unknown>>;
  if (typeof summary !== "function" || typeof predict !== "function" || !Array.isArray(layers)) return undefined;
  const lines: string[] = [];
  try {
    (value as LayersModel).summary(undefined, undefined, (line) => lines.push(line));
  } catch {
    return undefined;
  }
  return lines.join("\n");
}

function isTensor(value: object): value is Tensor {
  const { shape, dtype, dataId, size, slice } = value as Record<string, unknown>;
  return (
    Array.isArray(shape) &&
    typeof dtype === "string" &&
    typeof dataId === "object" &&
    typeof size === "number" &&
    typeof slice === "function"
  );
}
