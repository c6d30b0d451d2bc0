import type { Loaded } from "./load.js";
export interface TrainerOptions extends Loaded {
  maxSteps?: number;
}
export declare class Trainer {
  constructor(options: TrainerOptions);
  train(): Promise<{ steps: number }>;
}
