/** The active backend as layer ops see it. */
import * as tf from "@tensorflow/tfjs";
import { CUDA, type CudaBackend } from "../cuda/backend.js";
import { hostSurface, nativeOps } from "./host.js";
import type { Surface } from "./surface.js";

let host: Surface | null = null;

/** The surface of the active backend, always the same one; null where layers are composed of tfjs' own ops. */
export function activeSurface(): Surface | null {
  if (tf.getBackend() === CUDA) return (tf.backend() as CudaBackend).surface;
  const ops = nativeOps();
  if (ops === null) return null;
  host ??= hostSurface(ops);
  return host;
}
