/** tfjs kernels that run on the GPU. Null hands a call to the kernel on the host: another dtype, a rare variant, a small one. */
import type * as tf from "@tensorflow/tfjs";
import type { DeviceBuffer } from "../../native/addon.js";
import { sizeOf } from "../backend/kernel.js";
import type { CudaBackend } from "./backend.js";

type Call = Parameters<tf.KernelFunc>[0];
type DeviceKernel = (backend: CudaBackend, call: Call) => tf.TensorInfo | null;

/** Multiplications from which a product of host tensors is worth the way to the GPU. */
const WORTHWHILE = 1 << 22;

/** The buffer in float32: a copy, to be disposed of, when it is held in another type. */
function wide({ cuda }: CudaBackend, buffer: DeviceBuffer): { buffer: DeviceBuffer; done(): void } {
  if (buffer.dtype === "f32") return { buffer, done: () => undefined };
  const copy = cuda.createBuffer("f32", buffer.length);
  cuda.copy(buffer, copy);
  return { buffer: copy, done: () => cuda.dispose(copy) };
}

const batchMatMul: DeviceKernel = (backend, { inputs, attrs }) => {
  const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
  const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
  if (a.dtype !== "float32" || b.dtype !== "float32") return null;
  if (sizeOf(a.shape.slice(0, -2)) !== 1 || sizeOf(b.shape.slice(0, -2)) !== 1) return null;
  const [m, k] = (transposeA ? a.shape.slice(-2).reverse() : a.shape.slice(-2)) as [number, number];
  const [inner, n] = (transposeB ? b.shape.slice(-2).reverse() : b.shape.slice(-2)) as [number, number];
  if (k !== inner || m * n * k === 0) return null;
  const there = [a, b].some((operand) => backend.storage(operand.dataId).device !== null);
  if (!there && m * n * k < WORTHWHILE) return null;
  const [left, right] = [wide(backend, backend.buffer(a)), wide(backend, backend.buffer(b))];
  const out = backend.cuda.createBuffer("f32", m * n, "activations");
  backend.cuda.matmul(left.buffer, right.buffer, out, m, n, k, { transposeA, transposeB });
  left.done();
  right.done();
  const lead = a.shape.length >= b.shape.length ? a.shape.slice(0, -2) : b.shape.slice(0, -2);
  return backend.tensorInfo(out, [...lead, m, n]);
};

/** Rows of a matrix that is on the GPU: the last tokens of sequences, say. */
const gather: DeviceKernel = (backend, { inputs, attrs }) => {
  const { x, indices } = inputs as { x: tf.TensorInfo; indices: tf.TensorInfo };
  const { axis, batchDims } = attrs as unknown as { axis: number; batchDims: number };
  const from = x.dtype === "float32" ? backend.storage(x.dataId).device : null;
  const onRows = x.shape.length === 2 && axis === 0 && batchDims === 0 && indices.shape.length === 1;
  if (from === null || !onRows || indices.dtype !== "int32") return null;
  const ids = backend.storage(indices.dataId).values;
  const [rows, width] = x.shape as [number, number];
  if (!(ids instanceof Int32Array) || ids.length === 0 || width === 0) return null;
  if (ids.some((id) => id < 0 || id >= rows)) return null;
  const { cuda } = backend;
  const weight = { kind: "dense", values: from } as const;
  const table = cuda.createLinear({ inFeatures: width, outFeatures: rows, weight, bias: null, lora: null });
  const out = cuda.createBuffer(from.dtype, ids.length * width, "activations");
  cuda.embedding(table, ids, out);
  cuda.dispose(table);
  return backend.tensorInfo(out, [ids.length, width]);
};

export const deviceKernels: Readonly<Record<string, DeviceKernel>> = { BatchMatMul: batchMatMul, GatherV2: gather };
