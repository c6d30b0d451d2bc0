export class Trainer {
  /** @type {import("./trainer.js").TrainerOptions} */
  #options;
  /** @param {import("./trainer.js").TrainerOptions} options */
  constructor(options) {
    this.#options = options;
  }
  async train() {
    return { steps: this.#options.maxSteps ?? this.#options.model.layers };
  }
}
