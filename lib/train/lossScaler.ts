/**
 * Dynamic loss scaling for float16, as torch.amp.GradScaler does it. Gradients are made times a scale, so that small ones do
 * not round to zero on the way through the layers; what arrives at the parameters is float32 and divided by it again. The
 * scale is as large as the gradients bear: an update whose gradients overflowed is skipped.
 */

/** The scale is a power of two, so that multiplying and dividing by it rounds nothing. */
const FIRST_SCALE = 65_536;
const GROWTH = 2;
const BACKOFF = 0.5;
/** Good updates in a row after which the scale grows. */
const GROWTH_INTERVAL = 2000;
/** torch knows no limit; DeepSpeed stops here too. Gradients that overflow by themselves come from a run that diverges. */
const SMALLEST_SCALE = 1;
/** The last power of two in float32. */
const LARGEST_SCALE = 2 ** 127;

/** What a resumed run goes on with. */
export interface LossScale {
  readonly scale: number;
  /** Good updates since the scale last changed. */
  readonly goodSteps: number;
}

export class LossScaler {
  #state: LossScale;

  constructor(state: LossScale = { scale: FIRST_SCALE, goodSteps: 0 }) {
    this.#state = state;
  }

  get state(): LossScale {
    return this.#state;
  }

  /** What the gradients of the next update are multiplied by. */
  get scale(): number {
    return this.#state.scale;
  }

  /** Notes an update that was done. */
  succeed(): void {
    const { scale, goodSteps } = this.#state;
    const grows = goodSteps + 1 === GROWTH_INTERVAL;
    this.#state = grows
      ? { scale: Math.min(scale * GROWTH, LARGEST_SCALE), goodSteps: 0 }
      : { scale, goodSteps: goodSteps + 1 };
  }

  /** Notes one that overflowed; returns whether there is a smaller scale to go on with. */
  backOff(): boolean {
    const { scale } = this.#state;
    if (scale <= SMALLEST_SCALE) return false;
    this.#state = { scale: Math.max(scale * BACKOFF, SMALLEST_SCALE), goodSteps: 0 };
    return true;
  }
}
