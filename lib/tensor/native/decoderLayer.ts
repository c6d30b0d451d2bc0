/** The decoder layer as one native call forward and one backward, on the tape as one node. */
import * as tf from "@tensorflow/tfjs";
import type { Buffers, NativeLoraGradient } from "../../native/addon.js";
import { type DecoderLayer, type PackedSequences, PROJECTIONS, type Projection } from "../layers.js";
import type { Parameter } from "../parameter.js";
import type { DecoderLayerOptions } from "../portable/decoderLayer.js";
import { isRecording } from "../tape.js";
import { layerHandle } from "./handles.js";
import type { Surface } from "./surface.js";

/** The buffer that backward adds to; zeros at first. */
function gradientBuffer(surface: Surface, parameter: Parameter): unknown {
  parameter.grad ??= tf.keep(surface.zeros(parameter.shape));
  return surface.inPlace(parameter.grad);
}

/** Where backward adds the gradients of a layer's LoRA pairs. */
export function gradientBuffers(
  surface: Surface,
  layer: DecoderLayer,
): Partial<Record<Projection, NativeLoraGradient<Buffers>>> {
  const gradients: Partial<Record<Projection, NativeLoraGradient<Buffers>>> = {};
  for (const name of PROJECTIONS) {
    const { lora } = layer.projections[name];
    if (lora !== null) gradients[name] = { a: gradientBuffer(surface, lora.a), b: gradientBuffer(surface, lora.b) };
  }
  return gradients;
}

/** See `decoderLayer` in ops.ts. */
export function decoderLayer(
  surface: Surface,
  x: tf.Tensor2D,
  layer: DecoderLayer,
  batch: PackedSequences,
  options: DecoderLayerOptions,
): tf.Tensor2D {
  const { ops } = surface;
  // Without a tape nobody asks for a backward pass, so nothing is kept for it.
  const recording = isRecording();
  const saving = recording ? options.saving : "none";
  const op = tf.customGrad((input, save) => {
    const rows = input as tf.Tensor2D;
    const from = surface.buffer(rows);
    const y = surface.output(rows.shape, from);
    const state = ops.decoderLayerForward(layerHandle(surface, layer), from, y.buffer, batch, {
      saving,
      training: options.training,
      seed: (options.seed ?? 0) >>> 0,
    });
    if (!recording) ops.dispose(state);
    (save as tf.GradSaveFunc)([rows]);
    const gradFunc = (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
      const x = surface.buffer(saved!);
      const dx = surface.output(rows.shape, x);
      const gradients = gradientBuffers(surface, layer);
      const out = surface.matching(dy, x);
      ops.decoderLayerBackward(layerHandle(surface, layer), state, x, out, dx.buffer, batch, gradients);
      ops.dispose(state);
      if (out !== surface.buffer(dy)) surface.release(out);
      return dx.tensor();
    };
    return { value: y.tensor(), gradFunc };
  });
  return op(x) as tf.Tensor2D;
}
