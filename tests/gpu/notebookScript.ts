/** Prints the script that the article's notebook is exported to, for a place in the notebook's folder. */
import { join } from "node:path";
import { readNotebook } from "../../kernel/export/notebook.js";
import { exportSource } from "../../kernel/export.js";
import { packageRoot } from "../../lib/packageRoot.js";

const cells = readNotebook(join(packageRoot, "notebooks", "article.ipynb"));
process.stdout.write(exportSource(cells, { workingFolder: "" }));
