import type { Loaded } from "./load.js";
export interface TrainerOptions extends Loaded {
  maxSteps?: number;
}
export declare const ELSEWHERE: { readonly epochs: "Count them in maxSteps." };
export declare class Trainer {
  constructor(options: TrainerOptions);
  static with(options: TrainerOptions & { fast: true }): Trainer;
  static with(options: TrainerOptions, name: string): Trainer;
  train(): Promise<{ steps: number }>;
}
