export * from "./load.js";
export { Trainer, type TrainerOptions } from "./trainer.js";
