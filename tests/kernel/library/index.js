export { load } from "./load.js";
export { Trainer } from "./trainer.js";
