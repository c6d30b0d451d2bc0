/** Weights from a checkpoint into host memory: one tensor in float32 at a time. */
import { setImmediate as turn } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs";
import type { Checkpoint } from "../formats/checkpoint.js";
import { toFloat32 } from "../formats/toFloat32.js";
import { readNf4 } from "../quant/checkpoint.js";
import { quantizeNf4 } from "../quant/nf4.js";
import type { QuantState } from "../quant/quantState.js";
import { requireFinite } from "../tensor/finite.js";
import { nativeOps } from "../tensor/native/host.js";
import { readTensor } from "../tensor/readTensor.js";

export class HostWeights {
  readonly computeType = "float32";
  /** One at a time. */
  readonly window = 0;
  /** The threads of "cpu-native" that read; other backends have none. */
  readonly #native;

  constructor(private readonly checkpoint: Checkpoint) {
    const ops = nativeOps();
    this.#native = ops === null ? null : { ops, reader: ops.createFileReader() };
  }

  async matrix(name: string, shape: readonly [number, number]): Promise<tf.Tensor2D> {
    return tf.tensor2d(await this.#values(name), [...shape]);
  }

  async vector(name: string): Promise<tf.Tensor1D> {
    return tf.tensor1d(await this.#values(name));
  }

  async quantize(name: string, shape: readonly [number, number]): Promise<QuantState> {
    return quantizeNf4(await this.#values(name), { shape });
  }

  /** A matrix that came quantised. */
  async nf4(name: string): Promise<QuantState> {
    await turn();
    return readNf4(this.checkpoint, name);
  }

  close(): void {
    if (this.#native !== null) this.#native.ops.dispose(this.#native.reader);
  }

  async #values(name: string): Promise<Float32Array> {
    const values = toFloat32(name, this.checkpoint.info(name).dtype, await this.#bytes(name));
    requireFinite(name, values);
    return values;
  }

  async #bytes(name: string): Promise<Uint8Array> {
    // Loading takes minutes for a large model; in between the process answers.
    await turn();
    if (this.#native === null) return this.checkpoint.read(name);
    const range = this.checkpoint.locate(name);
    const bytes = new Uint8Array(range.length);
    await readTensor(this.#native.ops, this.#native.reader, name, range, bytes);
    return bytes;
  }
}
