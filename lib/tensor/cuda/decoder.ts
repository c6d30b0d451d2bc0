/**
 * Texts written on the GPU: the model, the choice of tokens and what follows from it stay there, and JavaScript reads the
 * tokens, one step behind the GPU. The weights are the model's own: what training changes is seen by the next step.
 */
import type * as tf from "@tensorflow/tfjs";
import type { DecoderModel, DecoderTexts, DeviceBuffer, NativeDecoder } from "../../native/addon.js";
import { type NetworkParts, PROJECTIONS } from "../layers.js";
import { layerHandle, matrixHandle } from "../native/handles.js";
import type { NativeKvCache } from "../native/kvCache.js";
import type { CudaBackend } from "./backend.js";

/** Steps that are under way while JavaScript looks at one. */
const AHEAD = 1;

export class DeviceDecoder {
  /** Tokens on their way, the oldest first. */
  readonly #pending: Promise<Int32Array>[] = [];
  #issued = 0;
  #adapters: readonly unknown[];

  private constructor(
    private readonly backend: CudaBackend,
    private readonly model: NetworkParts,
    private readonly cache: NativeKvCache,
    private readonly decoder: NativeDecoder,
    private readonly tokens: DeviceBuffer,
    private readonly steps: number,
  ) {
    this.#adapters = adaptersOf(model);
  }

  /**
   * Goes on from `logits` [texts, vocabSize], which follow the tokens that the cache holds, and uses them up. Null where the
   * GPU has no kernels for the model.
   */
  static create(
    backend: CudaBackend,
    model: NetworkParts,
    cache: NativeKvCache,
    texts: DecoderTexts,
    logits: tf.Tensor2D,
  ): DeviceDecoder | null {
    const { cuda } = backend;
    const tokens = cuda.createBuffer("i32", texts.lengths.length);
    const decoder = cuda.createDecoder(described(backend, model), cache.handle, texts, tokens);
    if (decoder === null) {
      cuda.dispose(tokens);
      return null;
    }
    const made = new DeviceDecoder(backend, model, cache, decoder, tokens, texts.maxNewTokens);
    cuda.decoderChoose(decoder, backend.storage(logits.dataId).forWriting("activations"));
    made.#fetch();
    return made;
  }

  /** The next token of each text; of those that ended, something. Not to be called more than `maxNewTokens` times. */
  next(): Promise<Int32Array> {
    while (this.#pending.length <= AHEAD && this.#issued < this.steps) {
      this.#follow();
      this.backend.cuda.decoderStep(this.decoder);
      this.#fetch();
    }
    return this.#pending.shift() as Promise<Int32Array>;
  }

  dispose(): void {
    for (const tokens of this.#pending.splice(0)) tokens.catch(() => undefined);
    this.backend.cuda.dispose(this.decoder);
    this.backend.cuda.dispose(this.tokens);
  }

  #fetch(): void {
    this.#pending.push(this.backend.cuda.download(this.tokens) as Promise<Int32Array>);
    this.#issued++;
  }

  /** Takes over adapters that were exchanged. */
  #follow(): void {
    const now = adaptersOf(this.model);
    if (now.every((adapter, i) => adapter === this.#adapters[i])) return;
    this.#adapters = now;
    this.backend.cuda.updateDecoder(this.decoder, described(this.backend, this.model), this.cache.handle);
  }
}

function described({ surface }: CudaBackend, model: NetworkParts): DecoderModel {
  return {
    layers: model.layers.map((layer) => layerHandle(surface, layer)),
    table: matrixHandle(surface, model.table),
    norm: surface.buffer(model.norm, "weights"),
    rmsNormEps: model.rmsNormEps,
    head: matrixHandle(surface, model.head),
  };
}

/** What tells one state of the adapters from another: their pairs, and where the values of these are. */
function adaptersOf({ layers }: NetworkParts): unknown[] {
  return layers.flatMap(({ projections }) =>
    PROJECTIONS.flatMap((name) => {
      const { lora } = projections[name];
      return lora === null ? [null, null, null] : [lora, lora.a.value.dataId, lora.b.value.dataId];
    }),
  );
}
