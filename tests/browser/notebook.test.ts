import { completesAndInspects, interrupts, restarts, runsCells } from "./cases/cells.js";
import { keepsItsOutputs, trainsUntilStopped } from "./cases/training.js";
import { describeInBrowser } from "./chromium.js";
import { useFrontEnd } from "./frontEnd.js";

describeInBrowser("Notebook 7", (open) => {
  const notebook = useFrontEnd("Notebook 7", open, ["counting.ipynb", "stopButton.ipynb"]);
  runsCells(notebook);
  completesAndInspects(notebook);
  interrupts(notebook);
  restarts(notebook);
  trainsUntilStopped(notebook);
  keepsItsOutputs(notebook);
});
