import { completesAndInspects, interrupts, restarts, runsCells } from "./cases/cells.js";
import { helpsInContext } from "./cases/contextualHelp.js";
import { debugs } from "./cases/debugger.js";
import { savesAsScript } from "./cases/saveAs.js";
import { keepsItsOutputs, trainsUntilStopped } from "./cases/training.js";
import { drawsWidgets } from "./cases/widgets.js";
import { describeInBrowser } from "./chromium.js";
import { useFrontEnd } from "./frontEnd.js";

describeInBrowser("JupyterLab", (open) => {
  const lab = useFrontEnd("JupyterLab", open, ["counting.ipynb", "stopButton.ipynb", "widgets.ipynb"]);
  runsCells(lab);
  helpsInContext(lab);
  debugs(lab);
  completesAndInspects(lab);
  interrupts(lab);
  savesAsScript(lab);
  restarts(lab);
  trainsUntilStopped(lab);
  keepsItsOutputs(lab);
  drawsWidgets(lab);
});
