/** Compares an SVG with its committed picture; `UPDATE_SNAPSHOTS=1` writes it anew, to be looked at before it is committed. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export function assertPicture(name: string, svg: string): void {
  const path = join(import.meta.dirname, "snapshots", `${name}.svg`);
  // One element a line, so that a change shows where it is.
  const text = `${svg.replaceAll(/></g, ">\n<")}\n`;
  if (process.env.UPDATE_SNAPSHOTS === "1") writeFileSync(path, text);
  assert.equal(text, readFileSync(path, "utf8"), `${name}.svg differs from what is drawn now`);
}
