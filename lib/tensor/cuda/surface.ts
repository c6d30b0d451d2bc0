/** The backend "cuda" as layer ops see it. Nothing here waits for the GPU. */
import * as tf from "@tensorflow/tfjs";
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
    crossEntropy(head, hidden, { labels, cuSeqlens }, numItems, dHidden, lossScale) {
      const buffer = cuda.createBuffer("f32", 1, "activations");
      // A tensor at once, so that its scope frees it when memory runs out.
      const loss = backend.tensor<tf.Scalar>(buffer, []);
      cuda.linearCrossEntropyQueued(head, hidden, labels, cuSeqlens, lossScale / numItems, dHidden, buffer);
      cuda.scale(buffer, 1 / numItems);
      return loss;
    },
    scaled(x, factor) {
      const { known } = backend.storage(factor.dataId);
      if (known?.[0] === 1) return x.clone();
      const { dtype, length } = backend.buffer(x);
      const wide = tf.mul(x, factor);
      if (dtype === "f32") return wide;
      const narrow: DeviceBuffer = cuda.createBuffer(dtype, length, "activations");
      cuda.copy(backend.buffer(wide), narrow);
      wide.dispose();
      return backend.tensor(narrow, x.shape);
    },
    cacheElementBytes: 4,
  };
}
