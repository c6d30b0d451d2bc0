/** A script that was exported from a notebook, on a terminal. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../environment/paths.mjs";
import { exportSource } from "../../kernel/export.js";
import { Desk } from "./jupyter.js";

/** Types into the program named by its arguments, and prints what the terminal showed. */
const typist = `
import pexpect, sys
program = pexpect.spawn(sys.argv[1], sys.argv[2:], encoding="utf-8", timeout=60)
program.expect("name[?] ")
program.send("Ada\\r")
program.expect("token: ")
program.send("secrex\\x7ft\\r")
program.expect(pexpect.EOF)
print(program.before)
`;

describe("a script on a terminal", () => {
  let desk: Desk;
  let folder: string;
  before(() => {
    desk = new Desk();
    mkdirSync(join(root, "build"), { recursive: true });
    folder = mkdtempSync(join(root, "build", "script-"));
  });
  after(() => {
    desk.clear();
    rmSync(folder, { recursive: true });
  });

  it("asks, and does not show a password", async function () {
    this.timeout(60_000);
    const script = join(folder, "asks.ts");
    const source =
      "const told = [prompt('name?'), password('token:')];\nconsole.log([told[0], told[1].length, told[1] === 'secret'].join(' '))";
    writeFileSync(script, exportSource([{ type: "code", source, tags: [] }]));
    const tsx = join(root, "node_modules", "tsx", "dist", "cli.mjs");
    const { stdout, stderr } = await desk.run("python", ["-c", typist, process.execPath, tsx, script]);
    assert.equal(stdout.trim(), "Ada 6 true", stderr);
  });
});
