/** The decoder layer as one native call forward and one backward, on the tape as one node. */
import * as tf from "@tensorflow/tfjs";
import type { HostBuffers, NativeLoraGradient, OpTable } from "../../native/addon.js";
import { type DecoderLayer, type PackedSequences, PROJECTIONS, type Projection } from "../layers.js";
import type { Parameter } from "../parameter.js";
import type { DecoderLayerOptions } from "../portable/decoderLayer.js";
import { isRecording } from "../tape.js";
import { layerHandle } from "./handles.js";
import { emptyLike, hostArray } from "./host.js";

/** The array that backward adds to; zeros at first. */
function gradientArray(parameter: Parameter): Float32Array {
  parameter.grad ??= tf.keep(tf.zeros(parameter.shape));
  return hostArray(parameter.grad);
}

function gradientArrays(layer: DecoderLayer): Partial<Record<Projection, NativeLoraGradient<HostBuffers>>> {
  const gradients: Partial<Record<Projection, NativeLoraGradient<HostBuffers>>> = {};
  for (const name of PROJECTIONS) {
    const { lora } = layer.projections[name];
    if (lora !== null) gradients[name] = { a: gradientArray(lora.a), b: gradientArray(lora.b) };
  }
  return gradients;
}

/** See `decoderLayer` in ops.ts. */
export function decoderLayer(
  ops: OpTable,
  x: tf.Tensor2D,
  layer: DecoderLayer,
  batch: PackedSequences,
  options: DecoderLayerOptions,
): tf.Tensor2D {
  // Without a tape nobody asks for a backward pass, so nothing is kept for it.
  const recording = isRecording();
  const saving = recording ? options.saving : "none";
  const op = tf.customGrad((input, save) => {
    const rows = input as tf.Tensor2D;
    const y = emptyLike(rows);
    const state = ops.decoderLayerForward(layerHandle(ops, layer), hostArray(rows), y.array, batch, {
      saving,
      training: options.training,
      seed: (options.seed ?? 0) >>> 0,
    });
    if (!recording) ops.dispose(state);
    (save as tf.GradSaveFunc)([rows]);
    const gradFunc = (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
      const dx = emptyLike(rows);
      const gradients = gradientArrays(layer);
      const [from, out] = [hostArray(saved!), hostArray(dy)];
      ops.decoderLayerBackward(layerHandle(ops, layer), state, from, out, dx.array, batch, gradients);
      ops.dispose(state);
      return dx.tensor();
    };
    return { value: y.tensor(), gradFunc };
  });
  return op(x) as tf.Tensor2D;
}
