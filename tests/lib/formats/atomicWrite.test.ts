import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { writeAtomically, writeFileAtomically } from "../../../lib/formats/atomicWrite.js";
import { temporaryDirectory } from "./temporaryDirectory.js";

describe("writing a file whole", () => {
  const at = temporaryDirectory();

  it("keeps the old one and says why when the disk is full", async () => {
    await writeFileAtomically(at("full", "a.json"), "old");
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    await assert.rejects(
      writeAtomically(at("full", "a.json"), () => Promise.reject(full)),
      /a\.json cannot be written: the disk is full\. Free some space/,
    );
    assert.deepEqual(readdirSync(at("full")), ["a.json"]);
  });

  it("says that a part of the path is a file", async () => {
    writeFileSync(at("file"), "");
    await assert.rejects(
      writeFileAtomically(at("file", "folder", "b"), ""),
      /b cannot be written: a part of this path/,
    );
    await assert.rejects(
      writeFileAtomically(at("file", "b"), ""),
      /b cannot be written: there is a file where a folder/,
    );
  });

  it("passes other errors on", async () => {
    await assert.rejects(
      writeAtomically(at("c"), () => Promise.reject(new Error("of the writer"))),
      /^Error: of the writer$/,
    );
    assert.equal(existsSync(at("c")), false);
  });
});
