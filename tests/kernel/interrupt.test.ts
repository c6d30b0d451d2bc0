/** Stop means stop: every kind of runaway code ends, and the notebook keeps its variables. */
import assert from "node:assert/strict";
import { type TestClient, TestKernel } from "./client.js";

const RUNAWAYS: Record<string, string> = {
  "a synchronous loop": "started(); while (true) {}",
  "a loop that catches": "started(); while (true) { try { while (true) {} } catch {} }",
  "a loop after an await": "await null; started(); while (true) {}",
  "a loop in a timer": "await new Promise(() => setTimeout(() => { started(); while (true) {} }, 5))",
  "a regular expression": 'started(); /(a+)+$/.test("a".repeat(40) + "b")',
  "Atomics.wait": "started(); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)",
  "a storm of timers":
    "started(); const storm = () => { beats++; setTimeout(storm, 0); setTimeout(storm, 50); }; storm(); await new Promise(() => {})",
  "a storm of microtasks":
    "started(); const flood = () => { beats++; queueMicrotask(flood); }; flood(); await new Promise(() => {})",
  "a storm of callbacks":
    "started(); const stats = () => { beats++; stat('/', stats); }; stats(); await new Promise(() => {})",
  "a storm of ticks":
    "started(); const ticks = () => { beats++; process.nextTick(ticks); }; ticks(); await new Promise(() => {})",
  "a flood of output": 'started(); while (true) console.log("x".repeat(100));',
  "a loop in WebAssembly":
    "const loops = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 108, 111, 111, 112, 0, 0, 10, 9, 1, 7, 0, 3, 64, 12, 0, 11, 11];" +
    "const { exports: wasm } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(loops)));" +
    "started(); (wasm.loop as () => void)();",
  "a module that does not end": "await import(`data:text/javascript,started(); while (true);` as string)",
  "a value that is inspected for ever":
    'started(); ({ [Symbol.for("nodejs.util.inspect.custom")]() { while (true); } })',
  "a value that is displayed for ever":
    'started(); ({ async [Symbol.for("Jupyter.display")]() { await new Promise(() => {}); } })',
  "a storm of timers that do not end":
    "started(); const endless = () => { setTimeout(endless, 0); while (true); }; setTimeout(endless, 0); await new Promise(() => {})",
  "a value that is sent for ever":
    '({ [Symbol.for("Jupyter.display")]: () => ({ "application/json": { toJSON() { started(); while (true); } } }) })',
  "calls of native code": 'started(); while (true) pbkdf2Sync("a", "b", 20_000, 64, "sha512");',
  "a child process that is waited for by blocking": 'started(); execSync("sleep 60");',
  "a child process that is awaited": 'started(); await new Promise((done) => spawn("sleep", ["60"]).on("exit", done));',
  "a promise that never settles": "started(); await new Promise(() => {})",
  "a loop that awaits timers": "started(); while (true) { beats++; await new Promise((r) => setTimeout(r, 5)); }",
  "a loop that awaits microtasks": "started(); while (true) { beats++; await null; }",
};

describe("interrupt", () => {
  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start();
    client = await kernel.connect();
    await client.ok(
      'import { pbkdf2Sync } from "node:crypto"; import { execSync, spawn } from "node:child_process"; import { stat } from "node:fs"',
    );
    await client.ok("Object.assign(globalThis, { started: () => console.log('started') });");
    await client.ok('let beats = 0; const kept = { answer: 42 }; const started = () => console.log("started");');
  });
  after(() => kernel.stop());

  async function interrupted(code: string) {
    const { id, result } = await client.submit(code);
    await client.until(() => client.of(id).some((m) => m.header.msg_type === "stream"));
    await client.interrupt();
    return await result;
  }

  for (const [name, code] of Object.entries(RUNAWAYS)) {
    it(`ends ${name} and keeps state`, async () => {
      const { reply } = await interrupted(code);
      assert.equal(reply.status, "error");
      assert.equal(reply.ename, "KeyboardInterrupt");
      assert.equal(await client.evaluate("kept.answer"), "42");
    });
  }

  it("asks code that wants to be asked, however long it computes, in one cell after another", async () => {
    const code = `{
      const hook = (globalThis as never as Record<symbol, { onInterrupt(callback: () => void): () => void }>)[
        Symbol.for("tunelab.interrupt")
      ]!;
      let asked = false;
      const release = hook.onInterrupt(() => { asked = true; });
      started();
      await new Promise((r) => setTimeout(r, 50));
      while (!asked) {
        const end = Date.now() + 300;
        while (Date.now() < end);
        await new Promise((r) => setTimeout(r, 1));
      }
      release();
    }`;
    for (let i = 0; i < 2; i++) assert.equal((await interrupted(code)).reply.status, "ok");
  });

  it("leaves nothing of an interrupted loop running", async () => {
    const before = await client.evaluate("beats");
    assert.equal(await client.evaluate("await new Promise((r) => setTimeout(r, 60)); beats"), before);
  });

  it("ends what an earlier cell left behind, when that blocks", async () => {
    const first = await client.submit(
      "const again = () => { setTimeout(again, 0); started(); while (true); }; setTimeout(again, 20);",
    );
    await first.result;
    await client.until(() => client.of(first.id).some((m) => m.header.msg_type === "stream"));
    const { id, result } = await client.submit("await new Promise(() => {})");
    await client.until(() => client.of(id).some((m) => m.header.msg_type === "execute_input"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await client.interrupt();
    assert.equal((await result).reply.ename, "KeyboardInterrupt");
    assert.equal(await client.evaluate("kept.answer"), "42");
  });

  it("leaves messages whole, whenever it comes", async () => {
    const flood =
      'started(); for (let i = 0; ; i++) { console.log("x".repeat(i % 9000)); display({ "text/plain": "y".repeat(i % 9000) }); }';
    for (let i = 0; i < 10; i++) assert.equal((await interrupted(flood)).reply.ename, "KeyboardInterrupt");
    assert.equal(await client.evaluate("kept.answer"), "42");
  });

  it("keeps what the interrupted cell had declared, and the earlier meaning of what it had not", async () => {
    await client.ok("const early = 1; const late = 2;");
    await interrupted('const early = "changed"; started(); while (true) {} const late = "never";');
    assert.equal(await client.evaluate("[early.toUpperCase(), late.toFixed(1)]"), "[ 'CHANGED', '2.0' ]");
  });

  it("asks code that registered first, and ends it at the second interrupt", async () => {
    await client.ok(`
      interface Hook { onInterrupt(callback: () => void): () => void }
      const hook = (globalThis as unknown as Record<symbol, Hook>)[Symbol.for("tunelab.interrupt")]!;`);
    const polite = await interrupted(`
      let stop = false;
      const release = hook.onInterrupt(() => { stop = true; });
      started();
      while (!stop) await new Promise((r) => setTimeout(r, 5));
      release();
      "saved"`);
    assert.equal(polite.value?.["text/plain"], "'saved'");
    const { id, result } = await client.submit(
      "hook.onInterrupt(() => console.log('asked')); started(); await new Promise(() => {})",
    );
    await client.until(() => client.of(id).some((m) => m.header.msg_type === "stream"));
    await client.interrupt();
    await client.until(() => client.of(id).some((m) => String(m.content.text).includes("asked")));
    await client.interrupt();
    assert.equal((await result).reply.ename, "KeyboardInterrupt");
  });

  it("ends processes that the cell has started", async () => {
    const code = `
      const sleeper = spawn("sleep", ["60"]);
      let ended: unknown;
      sleeper.on("exit", (_, signal) => { ended = signal; });
      started(); await new Promise(() => {})`;
    await interrupted(code);
    assert.equal(
      await client.evaluate("ended ??= await new Promise((d) => sleeper.on('exit', (_, s) => d(s)))"),
      "'SIGINT'",
    );
  });

  it("ends a cell that is being compiled, and the next one knows what came before", async () => {
    const code = Array.from({ length: 200_000 }, (_, i) => `const v${i} = ${i};`).join("\n");
    const { result } = await client.submit(code);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await client.interrupt();
    assert.equal((await result).reply.ename, "KeyboardInterrupt");
    assert.equal(await client.evaluate("kept.answer.toFixed(1)"), "'42.0'");
  });

  it("leaves the way to a restart when code does not hear it", async () => {
    const deaf = await TestKernel.start();
    try {
      const other = await deaf.connect();
      const { id } = await other.submit(`
        import { execSync } from "node:child_process";
        console.log("started");
        while (true) try { execSync("trap '' INT; sleep 60"); } catch {}`);
      await other.until(() => other.of(id).some((m) => m.header.msg_type === "stream"));
      for (let i = 0; i < 2; i++) assert.equal((await other.interrupt()).status, "ok");
      assert.deepEqual(await other.request("shutdown_request", { restart: true }, "control"), {
        status: "ok",
        restart: true,
      });
      if (deaf.process.exitCode === null) await new Promise((resolve) => deaf.process.once("exit", resolve));
    } finally {
      await deaf.stop();
    }
  });

  it("takes SIGINT as well", async () => {
    const { id, result } = await client.submit("started(); while (true) {}");
    await client.until(() => client.of(id).some((m) => m.header.msg_type === "stream"));
    kernel.process.kill("SIGINT");
    assert.equal((await result).reply.ename, "KeyboardInterrupt");
  });

  it("survives SIGINT to the whole process group", async () => {
    process.kill(Number(await client.evaluate("process.pid")), "SIGINT");
    assert.equal(await client.evaluate("kept.answer"), "42");
  });

  it("does nothing when no cell runs", async () => {
    assert.deepEqual(await client.interrupt(), { status: "ok" });
    assert.equal(await client.evaluate("1 + 1"), "2");
  });
});

describe("interrupt where AsyncLocalStorage is in use", () => {
  const LOOPS: Record<string, string> = {
    ...RUNAWAYS,
    "a loop after an await": "await null; started(); while (true);",
    "a loop in it": "await als.run(2, async () => { await null; started(); while (true); });",
    "a continuation in a timer":
      "setTimeout(async () => { await null; started(); while (true); }, 1); await new Promise(() => {});",
    "a continuation in a callback":
      "stat('/', async () => { await null; started(); while (true); }); await new Promise(() => {});",
    "a loop after native code has settled a promise": "await promises.stat('/'); started(); while (true);",
    "such a loop in it":
      "await als.run(3, async () => { await promises.readFile('/dev/null'); started(); while (true); });",
    "a loop in a timer": "setTimeout(() => { started(); while (true); }, 1); await new Promise(() => {});",
    "a loop in the timer that is the first to use it":
      "als.disable(); setTimeout(() => { als.run(4, () => { started(); while (true); }); }, 1); await new Promise(() => {});",
    "a loop in an immediate": "setImmediate(() => { started(); while (true); }); await new Promise(() => {});",
    "a loop in a tick": "process.nextTick(() => { started(); while (true); }); await new Promise(() => {});",
    "a loop under hooks of one's own":
      "const hook = createHook({ init() {}, before() {}, after() {}, destroy() {}, promiseResolve() {} }).enable();" +
      "setTimeout(async () => { await promises.stat('/'); started(); while (true); }, 1); await new Promise(() => {});",
    "a loop after hooks": "hook.disable(); als.disable(); await promises.stat('/'); started(); while (true);",
  };

  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start();
    client = await kernel.connect();
    await client.ok(`
      import { AsyncLocalStorage, createHook } from "node:async_hooks"; import { execSync, spawn } from "node:child_process";
      import { pbkdf2Sync } from "node:crypto"; import { promises, stat } from "node:fs";
      const als = new AsyncLocalStorage<number>(); als.enterWith(1);
      let beats = 0; const kept = { answer: 42 }; const started = () => console.log("started");
      Object.assign(globalThis, { started });`);
  });
  after(() => kernel.stop());

  for (const [name, code] of Object.entries(LOOPS)) {
    it(`ends ${name} and keeps state`, async () => {
      const { id, result } = await client.submit(code);
      await client.until(() => client.of(id).some((m) => m.header.msg_type === "stream"));
      await client.interrupt();
      assert.equal((await result).reply.ename, "KeyboardInterrupt");
      assert.equal(await client.evaluate("kept.answer"), "42");
    });
  }

  it("ends what an earlier cell left behind, when that blocks, and keeps what is stored", async () => {
    const first = await client.submit(
      "const again = () => { setTimeout(again, 0); started(); while (true); }; als.run(5, () => { setTimeout(again, 50); });",
    );
    await first.result;
    const { result } = await client.submit("await new Promise(() => {})");
    await client.until(() => client.of(first.id).some((m) => m.header.msg_type === "stream"));
    await client.interrupt();
    assert.equal((await result).reply.ename, "KeyboardInterrupt");
    const stored =
      "[kept.answer, als.run(6, () => als.getStore()), await als.run(7, async () => { await null; return als.getStore(); })]";
    assert.equal(await client.evaluate(stored), "[ 42, 6, 7 ]");
  });
});

describe("interrupt of the library", () => {
  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start({ env: { TUNELAB_PRELOAD: undefined, TUNELAB_PROFILE: "embedded" } });
    client = await kernel.connect();
    await client.ok(`
      const { model, tokenizer } = await FastLanguageModel.fromPretrained({
        modelName: "unsloth/DeepSeek-R1-Distill-Qwen-14B", maxSeqLength: 64, loadIn4bit: true,
      });
      const peft = await FastLanguageModel.getPeftModel(model, { r: 4 });
      const data = await loadDataset("FreedomIntelligence/medical-o1-reasoning-SFT", "en", { split: "train[0:64]" });
      const args = new TrainingArguments({ maxSteps: 100_000, loggingSteps: 1, saveStrategy: "no", disableTqdm: true, outputDir: "out" });
      const trainer = new SFTTrainer({ model: peft, tokenizer, trainDataset: data, datasetTextField: "Question", maxSeqLength: 64, args });
      const large = tf.randomUniform([1500, 1500]);`);
  });
  after(() => kernel.stop());

  const CALLS: Record<string, [code: string, ename: string]> = {
    "one call of the addon after another": [
      "console.log('started'); while (true) tf.matMul(large, large).dispose();",
      "KeyboardInterrupt",
    ],
    "a generation": [
      "console.log('started'); while (true) await peft.generate({ ...tokenizer(['The patient']), maxNewTokens: 60 });",
      "KeyboardInterrupt",
    ],
    "a training, which stops by itself": ["console.log('started'); await trainer.train()", "TrainingInterrupted"],
  };
  for (const [name, [code, ename]] of Object.entries(CALLS)) {
    it(`ends ${name}, and the model works on`, async () => {
      const { id, result } = await client.submit(code);
      await client.until(() => client.of(id).some((m) => m.header.msg_type === "stream"));
      await new Promise((resolve) => setTimeout(resolve, 200));
      await client.interrupt();
      assert.equal((await result).reply.ename, ename);
      const after = "(await peft.generate({ ...tokenizer(['The patient']), maxNewTokens: 2 })).length";
      assert.equal(await client.evaluate(after), "1");
      assert.equal(await client.evaluate("tf.grad((x) => x.mul(x))(tf.scalar(3)).dataSync()[0]"), "6");
    });
  }

  it("ends a training at once when it comes twice", async () => {
    const { id, result } = await client.submit(
      "const slow = { onStepEnd() { console.log('step'); const end = Date.now() + 60_000; while (Date.now() < end); } };\n" +
        "await new SFTTrainer({ model: peft, tokenizer, trainDataset: data, datasetTextField: 'Question', args, callbacks: [slow] }).train()",
    );
    await client.until(() => client.of(id).some((m) => String(m.content.text).includes("step")));
    await client.interrupt();
    await client.interrupt();
    assert.equal((await result).reply.ename, "KeyboardInterrupt");
    assert.equal(await client.evaluate("large.shape"), "[ 1500, 1500 ]");
  });
});
