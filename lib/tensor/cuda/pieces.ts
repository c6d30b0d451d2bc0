/**
 * Large values of the GPU in pieces: what a checkpoint is written from is never in host memory as a whole, and a download
 * passes through pinned memory, which is slow to make and pooled up to a size. For values that nobody changes meanwhile.
 */
import type * as tf from "@tensorflow/tfjs";
import type { CudaTable, DeviceBuffer } from "../../native/addon.js";
import { activeCuda } from "./backend.js";

const PIECE_ELEMENTS = 1 << 24;

async function* bufferPieces(cuda: CudaTable, buffer: DeviceBuffer, elements: number): AsyncGenerator<Float32Array> {
  for (let at = 0; at < buffer.length; at += elements) {
    yield (await cuda.download(buffer, at, Math.min(elements, buffer.length - at))) as Float32Array;
  }
}

async function whole(size: number, pieces: AsyncIterable<Float32Array>): Promise<Float32Array> {
  const values = new Float32Array(size);
  let at = 0;
  for await (const piece of pieces) {
    values.set(piece, at);
    at += piece.length;
  }
  return values;
}

/** The float32 values of a buffer. */
export function downloadWhole(cuda: CudaTable, buffer: DeviceBuffer): Promise<Float32Array> {
  return whole(buffer.length, bufferPieces(cuda, buffer, PIECE_ELEMENTS));
}

/** A copy of a tensor's float32 values. */
export function tensorValues(tensor: tf.Tensor): Promise<Float32Array> {
  return whole(tensor.size, tensorPieces(tensor));
}

/**
 * The float32 values of a tensor in order, on any backend.
 *
 * @param elements the most values of a piece
 */
export async function* tensorPieces(tensor: tf.Tensor, elements = PIECE_ELEMENTS): AsyncGenerator<Float32Array> {
  const backend = activeCuda();
  const device = backend?.storage(tensor.dataId).device ?? null;
  if (backend !== null && device !== null) {
    yield* bufferPieces(backend.cuda, device, elements);
    return;
  }
  const values = (await tensor.data()) as Float32Array;
  for (let at = 0; at < values.length; at += elements) yield values.subarray(at, at + elements);
}
