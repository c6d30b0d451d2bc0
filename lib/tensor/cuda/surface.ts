/** The backend "cuda" as layer ops see it. Nothing here waits for the GPU, save a gradient scaled by a number of the GPU. */
import type * as tf from "@tensorflow/tfjs";
import type { DeviceBuffer, DeviceBuffers } from "../../native/addon.js";
import type { Surface } from "../native/surface.js";
import type { CudaBackend } from "./backend.js";
import { HostInputs } from "./hostInputs.js";
import { onDevice } from "./quantState.js";

export function deviceSurface(backend: CudaBackend): Surface<DeviceBuffers> {
  const { cuda } = backend;
  return {
    ops: cuda,
    buffer: (tensor, owner) => backend.buffer(tensor, owner),
    inPlace: (tensor) => backend.storage(tensor.dataId).forWriting("adapters"),
    matching(tensor, model) {
      const buffer = backend.buffer(tensor);
      if (buffer.dtype === model.dtype) return buffer;
      const converted = cuda.createBuffer(model.dtype, buffer.length, "activations");
      cuda.copy(buffer, converted);
      return converted;
    },
    quantState: (state) => onDevice(cuda, state),
    output([rows, columns], model) {
      const buffer = cuda.createBuffer(model?.dtype ?? "f32", rows * columns, "activations");
      return { buffer, tensor: () => backend.tensor<tf.Tensor2D>(buffer, [rows, columns]) };
    },
    column: (rows) => cuda.createBuffer("f32", rows, "activations"),
    zeros(shape) {
      const buffer = cuda.createBuffer(
        "f32",
        shape.reduce((size, length) => size * length, 1),
        "adapters",
      );
      cuda.fill(buffer, 0);
      return backend.tensor(buffer, shape);
    },
    release: (buffer) => cuda.dispose(buffer),
    inputsOnHost: (layers, tokens, maxTokens, held) =>
      new HostInputs(cuda, layers, Math.max(1, maxTokens / tokens), held),
    crossEntropy(head, hidden, { labels, cuSeqlens }, numItems, dHidden) {
      const buffer = cuda.createBuffer("f32", 1, "activations");
      // A tensor at once, so that its scope frees it when memory runs out.
      const loss = backend.tensor<tf.Scalar>(buffer, []);
      cuda.linearCrossEntropyQueued(head, hidden, labels, cuSeqlens, 1 / numItems, dHidden, buffer);
      cuda.scale(buffer, 1 / numItems);
      return loss;
    },
    scaled(x, factor) {
      const by = (backend.storage(factor.dataId).values as Float32Array)[0]!;
      if (by === 1) return x.clone();
      const from = backend.buffer(x);
      const wide = cuda.createBuffer("f32", from.length, "activations");
      cuda.copy(from, wide);
      cuda.scale(wide, by);
      if (from.dtype === "f32") return backend.tensor(wide, x.shape);
      const narrow: DeviceBuffer = cuda.createBuffer(from.dtype, from.length, "activations");
      cuda.copy(wide, narrow);
      cuda.dispose(wide);
      return backend.tensor(narrow, x.shape);
    },
    cacheElementBytes: 4,
  };
}
