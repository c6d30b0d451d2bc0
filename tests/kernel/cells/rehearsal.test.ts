import assert from "node:assert/strict";
import { CellCompiler } from "../../../kernel/cells/compiler.js";
import { SharedFiles } from "../../../kernel/cells/sharedFiles.js";
import { readPreload } from "../../../kernel/preload.js";

describe("a rehearsal", () => {
  it("leaves the notebook's names as they are, before and after a cell is finished", () => {
    const compiler = new CellCompiler(process.cwd(), readPreload({ TUNELAB_PRELOAD: "" }), new SharedFiles());
    try {
      compiler.rehearse();
      assert.ok("cell" in compiler.compile("const items = 5; let text: boolean;"));
      compiler.rehearse();
      compiler.finish([]);
      compiler.rehearse();
      assert.ok("cell" in compiler.compile("items.toFixed(1); text = true;"));
      compiler.finish([]);
      assert.ok("diagnostics" in compiler.compile("later"));
    } finally {
      compiler.close();
    }
  });
});
