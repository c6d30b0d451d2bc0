export { load, summarize } from "./load.js";
export { Trainer } from "./trainer.js";
