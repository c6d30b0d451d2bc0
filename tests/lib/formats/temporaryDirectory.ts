/** A folder for the tests of one describe block, removed after them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Call inside `describe`; returns a function that gives a path in the folder. */
export function temporaryDirectory(): (...names: string[]) => string {
  let dir = "";
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "tunelab-test-"));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));
  return (...names) => join(dir, ...names);
}
