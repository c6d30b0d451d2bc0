import type { Summary } from "./hidden.js";
export interface Loaded {
  model: { layers: number };
  tokenizer: (text: string) => string[];
}
/** Loads a model and its tokenizer. */
export declare function load(options: { modelName: string }): Promise<Loaded>;
export declare function summarize(): Summary;
