/** The process that compiles cells: started from its snapshot, or without one where that cannot be. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CellsClient } from "../../../kernel/cells/client.js";
import { snapshotArguments } from "../../../kernel/cells/snapshotFile.js";
import { TestKernel } from "../client.js";

describe("the compiling process", () => {
  let folder: string;
  let client: CellsClient | undefined;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "tunelab-snapshot-"));
  });
  afterEach(() => client?.close());
  after(() => rmSync(folder, { recursive: true }));

  async function compiles(): Promise<void> {
    const compilation = await client?.compile("const n: number = 1; n", "error");
    assert.ok(compilation !== undefined && "cell" in compilation, JSON.stringify(compilation));
  }

  it("is started from the snapshot that the build has made", async () => {
    const [option, snapshot] = snapshotArguments() ?? [];
    assert.equal(option, "--snapshot-blob");
    const kernel = await TestKernel.start();
    try {
      assert.equal(await (await kernel.connect()).evaluate("1 + 1"), "2");
      const commands = readdirSync("/proc").filter(Number).map(commandOf);
      assert.ok(commands.some((words) => words.includes(snapshot as string)));
    } finally {
      await kernel.stop();
    }
  });

  it("does without a snapshot that is broken", async () => {
    const broken = join(folder, "broken.snapshot");
    writeFileSync(broken, "no snapshot");
    client = new CellsClient(undefined, ["--snapshot-blob", broken, "cells"]);
    await compiles();
  });

  it("does without a snapshot that is gone", async () => {
    client = new CellsClient(undefined, ["--snapshot-blob", join(folder, "gone.snapshot"), "cells"]);
    await compiles();
  });

  it("knows what came before after it was ended in the midst of a cell", async () => {
    client = new CellsClient();
    await client.compile("const before = 1;", "error");
    await client.finish([]);
    const given = client.compile("before + 1", "error");
    client.restart();
    await assert.rejects(given, /was ended/);
    const compilation = await client.compile("const after: string = before;", "error");
    assert.ok("diagnostics" in compilation);
    assert.match(compilation.diagnostics[0]?.message ?? "", /'number' is not assignable to type 'string'/);
  });
});

function commandOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    // It has ended meanwhile.
    return [];
  }
}
