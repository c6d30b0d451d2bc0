/** Comms and widgets: what cells and front ends send each other, also while a cell runs. */
import assert from "node:assert/strict";
import type { JsonObject, Message } from "../../kernel/protocol/messages.js";
import { type TestClient, TestKernel } from "./client.js";

const VIEW = "application/vnd.jupyter.widget-view+json";

describe("comms", () => {
  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start();
    client = await kernel.connect();
  });
  after(() => kernel.stop());

  const isIdle = (id: string) => () => client.of(id).some(({ content }) => content.execution_state === "idle");
  const ofType = (messages: Message[], type: string) => messages.filter(({ header }) => header.msg_type === type);
  const send = (type: string, comm_id: string, data: JsonObject, more: JsonObject = {}, buffers: Uint8Array[] = []) =>
    client.send("shell", type, { comm_id, data, ...more }, {}, buffers);
  const update = (id: string, state: JsonObject) => send("comm_msg", id, { method: "update", state, buffer_paths: [] });
  const click = (id: string) => send("comm_msg", id, { method: "custom", content: { event: "click" } });
  const idOf = async (name: string) => String(await client.evaluate(`${name}.modelId`)).slice(1, -1);
  const broadcast = (comm: string, type: string) =>
    ofType(client.broadcasts, type).filter(({ content }) => content.comm_id === comm);

  it("carry data and bytes that a cell sends", async () => {
    const { messages } = await client.ok(
      "const c = comms.open('mine', { a: 1 }, { buffers: [new Uint8Array([0, 255])] }); c.send({ b: 2 }); c.close();",
    );
    const [opened, sent, closed] = messages.filter(({ header }) => header.msg_type.startsWith("comm_"));
    assert.equal(opened?.header.msg_type, "comm_open");
    assert.equal(opened.content.target_name, "mine");
    assert.deepEqual(opened.content.data, { a: 1 });
    assert.deepEqual([...(opened.buffers[0] ?? [])], [0, 255]);
    assert.deepEqual(sent?.content.data, { b: 2 });
    assert.equal(closed?.header.msg_type, "comm_close");
  });

  it("can be opened by a front end, and answer it", async () => {
    await client.ok(
      `comms.register("echo", (comm, { data }) => {
         comm.onMessage((m) => comm.send({ got: m.data, opened: data }, { buffers: m.buffers }));
         comm.onClose(() => console.log("closed"));
       });`,
    );
    await send("comm_open", "front-1", { hello: true }, { target_name: "echo" });
    const info = await client.request("comm_info_request", { target_name: "echo" });
    assert.deepEqual(info.comms, { "front-1": { target_name: "echo" } });
    const id = await send("comm_msg", "front-1", { x: 1 }, {}, [Buffer.from([1, 2, 3])]);
    await client.until(isIdle(id));
    const [answer] = ofType(client.of(id), "comm_msg");
    assert.deepEqual(answer?.content.data, { got: { x: 1 }, opened: { hello: true } });
    assert.deepEqual([...(answer.buffers[0] ?? [])], [1, 2, 3]);
    await send("comm_close", "front-1", {});
    await client.until(() => ofType(client.broadcasts, "stream").some(({ content }) => content.text === "closed\n"));
    assert.deepEqual((await client.request("comm_info_request", { target_name: "echo" })).comms, {});
  });

  it("show a widget, and tell it of the person's value", async () => {
    const shown = await client.ok("const slider = new IntSlider({ description: 'rank', value: 8, max: 64 }); slider");
    const id = await idOf("slider");
    assert.deepEqual(shown.value?.[VIEW], { version_major: 2, version_minor: 0, model_id: id });
    assert.match(String(shown.value?.["text/plain"]), /IntSlider\(description: 'rank', value: 8/);
    const [opened] = broadcast(id, "comm_open");
    assert.deepEqual(opened?.metadata, { version: "2.1.0" });
    const { state } = opened.content.data as { state: JsonObject };
    assert.equal(state._model_name, "IntSliderModel");
    assert.equal(state.max, 64);
    await client.ok("slider.onChange((value) => console.log('now', value));");
    const moved = await update(id, { value: 16 });
    await client.until(isIdle(moved));
    const [echo] = ofType(client.of(moved), "comm_msg");
    assert.deepEqual(echo?.content.data, { method: "echo_update", state: { value: 16 }, buffer_paths: [] });
    assert.equal(await client.evaluate("slider.value"), "16");
    assert.ok(ofType(client.broadcasts, "stream").some(({ content }) => content.text === "now 16\n"));
  });

  it("are named one by one where a box of them cannot be drawn", async () => {
    const { value } = await client.ok("new HBox([new Button({ description: 'Stop' }), new VBox([new Label()])])");
    assert.equal(value?.["text/plain"], "HBox([Button(description: 'Stop'), VBox([Label(value: '')])])");
  });

  it("reach a cell that awaits: a Stop button stops its loop", async () => {
    await client.ok("let stopped = false; const stop = new Button({ description: 'Stop' });");
    await client.ok("stop.onClick(() => { stopped = true; console.log('stopping'); });");
    const id = await idOf("stop");
    const loop = await client.submit(
      "console.log('go'); let turns = 0; while (!stopped) { turns++; await new Promise((r) => setTimeout(r, 5)); } 'left'",
    );
    await client.until(() => ofType(client.of(loop.id), "stream").length > 0);
    const clicked = await click(id);
    const { value } = await loop.result;
    assert.equal(value?.["text/plain"], "'left'");
    assert.ok(isIdle(clicked)());
    const states = ofType(client.broadcasts, "status");
    const after = states.findIndex((m) => m.parentHeader.msg_id === clicked && m.content.execution_state === "idle");
    assert.equal(states[after + 1]?.parentHeader.msg_id, loop.id, "the cell is said to run on");
  });

  it("send the last of many values, and few of them", async () => {
    await client.ok("const bar = new FloatProgress({ max: 20000 }); for (let i = 0; i <= 20000; i++) bar.value = i;");
    const id = await idOf("bar");
    const values = () =>
      broadcast(id, "comm_msg").map(({ content }) => (content.data as { state: { value: number } }).state.value);
    await client.until(() => values().at(-1) === 20_000);
    assert.ok(values().length < 100, `${values().length} messages`);
  });

  it("hold choices, texts, boxes and outputs", async () => {
    await client.ok(
      `const optim = new Dropdown({ options: { "8 bit": "adamw_8bit", torch: "adamw_torch" } });
       const rate = new Dropdown({ options: [1e-4, 2e-4], value: 2e-4 });
       const name = new Text({ value: "run" }); const save = new Checkbox(); const log = new Output();
       const panel = new VBox([new HBox([optim, rate]), name, save, new HTML({ value: "<b>x</b>" }), new Label(), log]);`,
    );
    assert.equal(
      await client.evaluate("[optim.value, rate.value, panel.children.length].join()"),
      "'adamw_8bit,0.0002,6'",
    );
    await client.until(isIdle(await update(await idOf("optim"), { index: 1 })));
    await client.until(isIdle(await update(await idOf("save"), { value: true })));
    await client.ok("let submitted = ''; name.onSubmit((text) => { submitted = text; });");
    await client.until(isIdle(await update(await idOf("name"), { value: "run 2" })));
    const submit = await send("comm_msg", await idOf("name"), { method: "custom", content: { event: "submit" } });
    await client.until(isIdle(submit));
    assert.equal(await client.evaluate("[optim.value, save.value, submitted].join()"), "'adamw_torch,true,run 2'");
    await client.ok("log.appendStdout('one '); log.appendStdout('two'); await log.appendDisplayData({ a: 1 });");
    const outputs = () =>
      broadcast(String(logId), "comm_msg").map(({ content }) => (content.data as { state: JsonObject }).state.outputs);
    const logId = await idOf("log");
    await client.until(() => (outputs().at(-1) as JsonObject[] | undefined)?.length === 2);
    assert.equal((outputs().at(-1) as JsonObject[])[0]?.text, "one two");
  });

  it("give a page that comes later all states", async () => {
    await send("comm_open", "control-1", {}, { target_name: "jupyter.widget.control" });
    const id = await send("comm_msg", "control-1", { method: "request_states" });
    await client.until(isIdle(id));
    const [answer] = ofType(client.of(id), "comm_msg");
    const { method, states } = (answer?.content.data ?? {}) as { method: string; states: Record<string, JsonObject> };
    assert.equal(method, "update_states");
    const slider = states[await idOf("slider")] ?? {};
    assert.equal(slider.model_name, "IntSliderModel");
    assert.equal((slider.state as JsonObject).value, 16);
  });

  it("know their types, and let cells use their names for something else", async () => {
    const { reply } = await client.execute("new IntSlider({ maximum: 3 })");
    assert.match(String(reply.evalue), /'maximum' does not exist in type 'SliderOptions'/);
    await client.ok("const Label = 'mine'; class Text2 {}");
    assert.equal(await client.evaluate("Label.length"), "4");
  });

  it("survive a handler that throws, and one that never ends", async () => {
    await client.ok("const bad = new Button(); bad.onClick(() => { throw new Error('no such run'); });");
    await client.until(isIdle(await click(await idOf("bad"))));
    assert.ok(ofType(client.broadcasts, "stream").some(({ content }) => /no such run/.test(String(content.text))));
    await client.ok("const endless = new Button(); endless.onClick(() => { for (;;); });");
    const id = await click(await idOf("endless"));
    await client.until(() => client.of(id).length > 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await client.interrupt();
    await client.until(isIdle(id));
    assert.equal(await client.evaluate("slider.value"), "16");
  });

  it("are closed when the runner dies", async () => {
    const id = await idOf("slider");
    await client.execute("process.exit(3)");
    assert.equal(broadcast(id, "comm_close").length, 1);
    assert.deepEqual((await client.request("comm_info_request", {})).comms, {});
  });
});
