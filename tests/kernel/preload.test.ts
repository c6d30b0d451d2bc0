/** The preloaded library: its names are there, typed, in any directory; and a broken one breaks nothing else. */
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type TestClient, TestKernel } from "./client.js";

const LIBRARY = fileURLToPath(new URL("library", import.meta.url));

describe("preloaded library", () => {
  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start({ env: { TUNELAB_PRELOAD: LIBRARY } });
    client = await kernel.connect();
  });
  after(() => kernel.stop());

  it("completes and suggests names that no cell has used yet", async () => {
    const completed = await client.request("complete_request", { code: "const s = summ", cursor_pos: 14 });
    assert.deepEqual(completed.matches, ["summarize"]);
    const member = await client.request("complete_request", { code: "'text'.summ", cursor_pos: 11 });
    assert.deepEqual(member.matches, []);
    const { reply } = await client.execute("summarise()");
    assert.match(String(reply.evalue), /Did you mean 'summarize'/);
  });

  it("keeps a name that a failed cell wanted to replace", async () => {
    const { reply } = await client.execute('const summarize = ((): string => { throw new Error("no") })();');
    assert.equal(reply.evalue, "no");
    assert.equal(await client.evaluate("summarize().lines"), "3");
  });

  it("gives its names, typed, in an empty directory", async () => {
    await client.ok('const { model, tokenizer } = await load({ modelName: "tiny" });');
    await client.ok("const trainer = new Trainer({ model, tokenizer, maxSteps: 3 });");
    await client.ok("const stats = await trainer.train();");
    assert.equal(await client.evaluate("stats.steps"), "3");
  });

  it("catches a wrong option before anything runs", async () => {
    const { reply } = await client.execute('new Trainer({ model, tokenizer, maxStep: 3 }); console.log("ran")');
    assert.equal(reply.ename, "TypeScriptError");
    assert.match(String(reply.evalue), /Did you mean to write 'maxSteps'/);
  });

  it("tells what its module says to do instead of an option that it does not have", async () => {
    const say = async (code: string) => String((await client.execute(code)).reply.evalue);
    assert.match(
      await say("new Trainer({ model, tokenizer, epochs: 3 })"),
      /'TrainerOptions'\. Count them in maxSteps\.$/,
    );
    assert.match(await say('Trainer.with({ model, tokenizer, "epochs": 3 }, "n")'), /Count them in maxSteps\.$/);
    assert.match(await say("new Trainer({ model, tokenizer, nothing: 1 })"), /'TrainerOptions'\.$/);
    assert.match(await say("const plain: { a: 1 } = { epochs: 3 };"), /'\{ a: 1; \}'\.$/);
  });

  it("lets inferred types cross cells by the package's name", async () => {
    await client.ok("const again = await load({ modelName: 'x' }); const pair = { again, t: new Trainer(again) };");
    assert.equal(await client.evaluate("pair.again.model.layers"), "1");
    const { reply } = await client.execute("pair.again.model.nothing");
    assert.match(String(reply.evalue), /does not exist on type '\{ layers: number; \}'/);
  });

  it("keeps inferred types that the library does not export by name", async () => {
    await client.ok("const summary = summarize();");
    assert.equal(await client.evaluate("summary.lines"), "3");
    assert.match(String((await client.execute("summary.words")).reply.evalue), /does not exist on type 'Summary'/);
  });

  it("shows its documentation and completes its names", async () => {
    const inspected = await client.request("inspect_request", { code: "load", cursor_pos: 2, detail_level: 0 });
    assert.match(JSON.stringify(inspected.data), /Loads a model and its tokenizer/);
    const completed = await client.request("complete_request", { code: "trainer.tr", cursor_pos: 10 });
    assert.deepEqual(completed.matches, ["train"]);
  });

  it("lets a notebook use a preloaded name for something of its own", async () => {
    await client.ok("const Trainer = 'mine';");
    assert.equal(await client.evaluate("Trainer.toUpperCase()"), "'MINE'");
  });

  it("can be imported by name from anywhere", async () => {
    assert.equal(
      await client.evaluate(
        'import { load as bring } from "practice-library"; (await bring({ modelName: "ab" })).model.layers',
      ),
      "2",
    );
  });
});

describe("TensorFlow.js in a notebook", () => {
  it("computes without a word about bindings that are not there", async () => {
    const kernel = await TestKernel.start({ env: { TUNELAB_PRELOAD: undefined } });
    try {
      const client = await kernel.connect();
      const { value, stderr } = await client.execute("tf.tensor([1, 2, 3]).square().arraySync()");
      assert.equal(value?.["text/plain"], "[ 1, 4, 9 ]");
      assert.equal(stderr, "");
      assert.equal(await client.evaluate('import { tensor } from "@tensorflow/tfjs"; tensor === tf.tensor'), "true");
    } finally {
      await kernel.stop();
    }
  });
});

describe("a library that cannot be loaded", () => {
  it("gives one clear error and leaves plain cells alone", async () => {
    const root = mkdtempSync(join(tmpdir(), "tunelab-broken-"));
    writeFileSync(
      join(root, "package.json"),
      JSON.stringify({
        name: "broken",
        type: "module",
        exports: { ".": { types: "./index.d.ts", default: "./index.js" } },
      }),
    );
    writeFileSync(join(root, "index.d.ts"), "export declare function go(): void;");
    writeFileSync(join(root, "index.js"), 'throw new Error("no addon for this machine");');
    const kernel = await TestKernel.start({ env: { TUNELAB_PRELOAD: root } });
    try {
      const client = await kernel.connect();
      assert.equal(await client.evaluate("1 + 1"), "2");
      const { reply } = await client.execute("go()");
      assert.match(String(reply.evalue), /"go" is not available.*no addon for this machine/);
      assert.equal(await client.evaluate("2 + 2"), "4");
    } finally {
      await kernel.stop();
    }
  });
});

describe("the library's tfjs", () => {
  it("knows tunelab's backends from the first cell on, and says why one does not start", async () => {
    const env = { TUNELAB_PRELOAD: undefined, TUNELAB_NATIVE: "0" };
    const kernel = await TestKernel.start({ env });
    try {
      const client = await kernel.connect();
      const { reply } = await client.execute('await tf.setBackend("cuda")');
      assert.match(String(reply.evalue), /"cuda" does not start\. .*TUNELAB_NATIVE=0.*Or use cpu-native or wasm/);
      const { reply: other } = await client.execute('await tf.setBackend("wsam")');
      assert.match(String(other.evalue), /Unknown backend "wsam"\. Did you mean "wasm"\?/);
      const sum = 'await tf.setBackend("wasm"); [tf.getBackend(), tf.add(1, 2).dataSync()[0]]';
      assert.equal(await client.evaluate(sum), "[ 'wasm', 3 ]");
    } finally {
      await kernel.stop();
    }
  });
});
