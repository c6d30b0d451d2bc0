/** Reads named weights of known shapes: in which form each is held, and that all are freed when one fails. */
import * as tf from "@tensorflow/tfjs";
import { fail } from "../errors.js";
import type { Checkpoint } from "../formats/checkpoint.js";
import { holdsNf4, isNf4 } from "../quant/checkpoint.js";
import type { QuantState } from "../quant/quantState.js";
import { DeviceQuantState } from "../tensor/cuda/quantState.js";
import type { ComputeType } from "../tensor/cuda/weights.js";
import type { Linear, Weight } from "../tensor/layers.js";
import { Turns } from "./turns.js";

/** Where weights of a checkpoint go. Values that are not finite are refused, but for quantised ones. */
export interface WeightPlace {
  /** What a model of these weights is computed in. */
  readonly computeType: ComputeType;
  /** Bytes of the checkpoint that may be under way at a time. */
  readonly window: number;
  matrix(name: string, shape: readonly [number, number]): Promise<tf.Tensor2D>;
  vector(name: string): Promise<tf.Tensor1D>;
  /** NF4 with double quantisation. */
  quantize(name: string, shape: readonly [number, number]): Promise<QuantState>;
  /** A matrix that is stored quantised. */
  nf4(name: string): Promise<QuantState>;
  /** No more reads. */
  close(): void;
}

/** What a tensor counts at least, so that thousands of small ones do not hold a file descriptor each. */
const SMALLEST_TURN = 4 << 20;

export class WeightReader {
  /** Bytes of the checkpoint that became weights. */
  bytes = 0;
  readonly #turns: Turns;
  readonly #made: { dispose(): void }[] = [];
  #prequantized: boolean | null = null;

  /** Weights may be asked for all at once; they are read in that order. */
  constructor(
    private readonly checkpoint: Checkpoint,
    private readonly loadIn4bit: boolean,
    private readonly place: WeightPlace,
  ) {
    this.#turns = new Turns(place.window);
  }

  get computeType(): ComputeType {
    return this.place.computeType;
  }

  async matrix(name: string, rows: number, columns: number): Promise<tf.Tensor2D> {
    const shape = [rows, columns] as const;
    this.#expect(name, this.checkpoint.info(name).shape, shape);
    return this.#inTurn(name, () => this.place.matrix(name, shape));
  }

  async vector(name: string, length: number): Promise<tf.Tensor1D> {
    this.#expect(name, this.checkpoint.info(name).shape, [length]);
    return this.#inTurn(name, () => this.place.vector(name));
  }

  async linear(path: string, outFeatures: number, inFeatures: number, hasBias: boolean): Promise<Linear> {
    const [weight, bias] = await Promise.all([
      this.#weight(`${path}.weight`, outFeatures, inFeatures),
      hasBias ? this.vector(`${path}.bias`, outFeatures) : null,
    ]);
    return { inFeatures, outFeatures, weight, bias, lora: null };
  }

  /** Ends reading. */
  close(): void {
    this.place.close();
  }

  /** Reads nothing more, waits for what is under way, and frees all. What was asked for and has not begun fails with `error`. */
  async abandon(error: unknown): Promise<void> {
    const stopped = this.#turns.stop(error);
    this.place.close();
    await stopped;
    for (const weight of this.#made.splice(0)) weight.dispose();
  }

  async #weight(name: string, rows: number, columns: number): Promise<Weight> {
    const shape = [rows, columns] as const;
    if (isNf4(this.checkpoint, name)) {
      const state = await this.#inTurn(name, () => this.place.nf4(name));
      this.#expect(name, state.shape, shape);
      return { kind: "nf4", state };
    }
    if (!this.loadIn4bit || this.#comesQuantized())
      return { kind: "dense", values: await this.matrix(name, rows, columns) };
    this.#expect(name, this.checkpoint.info(name).shape, shape);
    return { kind: "nf4", state: await this.#inTurn(name, () => this.place.quantize(name, shape)) };
  }

  /** A checkpoint that comes quantised keeps the projections that it left out as they are. */
  #comesQuantized(): boolean {
    this.#prequantized ??= holdsNf4(this.checkpoint);
    return this.#prequantized;
  }

  #inTurn<T extends tf.Tensor | QuantState>(name: string, make: () => Promise<T>): Promise<T> {
    const { length } = this.checkpoint.locate(name);
    return this.#turns.run(Math.max(length, SMALLEST_TURN), async () => {
      const made = await make();
      if (made instanceof tf.Tensor || made instanceof DeviceQuantState) this.#made.push(made);
      this.bytes += length;
      return made;
    });
  }

  #expect(name: string, shape: readonly number[], expected: readonly number[]): void {
    if (shape.join() === expected.join()) return;
    fail(`The weight ${name} has shape [${shape.join(", ")}]; config.json makes it [${expected.join(", ")}].`);
  }
}
