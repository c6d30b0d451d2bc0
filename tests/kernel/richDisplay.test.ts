/** What a cell shows of the values that people work with: tensors, tables, data sets, models. */
import assert from "node:assert/strict";
import { type TestClient, TestKernel } from "./client.js";

describe("a cell that ends with", () => {
  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start({ env: { TUNELAB_PRELOAD: undefined, TUNELAB_PROFILE: "embedded" } });
    client = await kernel.connect();
    await client.ok(`
      const source = { path: "FreedomIntelligence/medical-o1-reasoning-SFT", name: "en" };
      const { model, tokenizer } = await FastLanguageModel.fromPretrained({
        modelName: "unsloth/DeepSeek-R1-Distill-Qwen-14B", maxSeqLength: 64, loadIn4bit: true,
      });`);
  });
  after(() => kernel.stop());

  const shown = async (code: string) => (await client.ok(code)).value ?? {};
  const text = async (code: string) => String((await shown(code))["text/plain"]);

  it("a tensor shows its type, shape and values", async () => {
    const lines = [
      "Tensor",
      "  dtype: float32",
      "  rank: 2",
      "  shape: [2,2]",
      "  values:",
      "    [[1, 2],",
      "     [3, 4]]",
    ];
    assert.equal(await text("tf.tensor2d([[1, 2], [3, 4]])"), lines.join("\n"));
    assert.match(await text("tf.scalar(7, 'int32')"), /dtype: int32\n {2}rank: 0\n {2}shape: \[\]\n {2}values:\n {4}7/);
    assert.match(await text("tf.variable(tf.ones([3]))"), /shape: \[3\]\n {2}values:\n {4}\[1, 1, 1\]/);
    assert.match(await text("tf.tensor(['a', 'b'])"), /dtype: string[\s\S]*\['a', 'b'\]/);
  });

  it("a large tensor shows its first values, and leaves nothing behind", async () => {
    await client.ok("const large = tf.range(0, 4e6).reshape([2000, 2000]); const before = tf.memory().numTensors;");
    const shownText = await text("large");
    assert.match(shownText, /shape: \[2000,2000\]\n {2}first values of 4,000,000:\n {4}\[\[0 {4},/);
    assert.ok(shownText.length < 1000, shownText);
    assert.equal(await text("tf.memory().numTensors - before"), "0");
  });

  it("a tensor that was disposed says so", async () => {
    assert.equal(
      await text("const gone = tf.zeros([2, 3]); gone.dispose(); gone"),
      "Tensor, disposed\n  dtype: float32\n  shape: [2,3]",
    );
  });

  it("a model of layers shows their table", async () => {
    const table = await text("tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [3] })] })");
    assert.match(table, /Layer \(type\)[\s\S]*dense_Dense1 \(Dense\)[\s\S]*Total params: 4/);
    assert.match(await text("tf.sequential()"), /^<ref \*1> Sequential \{/);
  });

  it("a table of arquero, or one made by `table`, is a table", async () => {
    const { "text/html": html } = await shown("aq.table({ a: [1, 2], b: ['x', 'y'] })");
    assert.match(String(html), /<table>.*<td[^>]*>2<\/td><td[^>]*>y<\/td>/);
    const own = await shown("table([{ a: 1, b: 'x' }])");
    assert.match(String(own["text/html"]), /<table/);
    assert.match(String(own["text/plain"]), /^a {2}b\n- {2}-\n1 {2}x$/);
  });

  it("a data set shows its first rows, a dictionary of them each one's", async () => {
    const rows = await shown('await loadDataset(source.path, source.name, { split: "train[0:7]" })');
    assert.match(String(rows["text/html"]), /<th>4<\/th>.*7 rows: Question, Complex_CoT, Response/);
    assert.equal(rows["text/plain"], "Dataset(7 rows: Question, Complex_CoT, Response)");
    assert.match(String((await shown("await loadDataset(source.path, source.name)"))["text/html"]), /<h4>test<\/h4>/);
  });

  it("a model, an adapter and a tokenizer show what they are, not their tensors", async () => {
    assert.equal(
      await text("model"),
      [
        "Qwen2ForCausalLM: unsloth/DeepSeek-R1-Distill-Qwen-14B, the embedded one in its place",
        "  3,174,720 parameters, projections in 4 bits",
        "  6 layers, hidden size 192, intermediate size 576",
        "  6 attention heads, 2 of keys and values",
        "  vocabulary of 3,072, texts of at most 64 tokens",
      ].join("\n"),
    );
    const peft = await text(
      'const peft = await FastLanguageModel.getPeftModel(model, { r: 4, targetModules: ["q_proj"] }); peft',
    );
    assert.match(
      peft,
      /^PeftModel: LoRA of rank 4, alpha 16, on q_proj\n {2}trains 9,216 of 3,183,936 parameters \(0\.29 %\)\n {2}base Qwen2/,
    );
    assert.match(await text("tokenizer"), /^Tokenizer\(vocabSize: 3072, /);
    assert.match(await text("({ peft })"), /^\{\n {2}peft: PeftModel: LoRA/);
  });

  it("training's parts show their settings and results", async () => {
    await client.ok(`
      const data = await loadDataset(source.path, source.name, { split: "train[0:2]" });
      const args = new TrainingArguments({ maxSteps: 1, loggingSteps: 1, saveStrategy: "no", disableTqdm: true, outputDir: "out" });
      const trainer = new SFTTrainer({ model: peft, tokenizer, trainDataset: data, datasetTextField: "Question", maxSeqLength: 64, args });`);
    assert.match(await text("args"), /^TrainingArguments \{[\s\S]*maxSteps: 1,/);
    assert.match(await text("trainer"), /^SFTTrainer \{ 2 examples, 1 steps of /);
    assert.match(
      await text("await trainer.train()"),
      /^\{\n {2}globalStep: 1,\n {2}trainingLoss: [\d.]+,\n {2}metrics: \{/,
    );
  });

  it("a bundle made by hand carries bytes as base64, and typed arrays and bigints as numbers", async () => {
    const { displays } = await client.ok(`
      display({ "image/png": Buffer.from("picture"), "image/jpeg": new Uint8Array([1, 2]).buffer });
      const data = [{ y: new Float32Array([1, 2.5, NaN]), x: new BigInt64Array([1n, 2n]) }];
      display({ "application/json": { count: 3n, huge: 2n ** 64n, when: new Date(0), list: [1, [2n]] } });
      display({ data, layout: {} });`);
    assert.deepEqual(displays, [
      { "image/png": "cGljdHVyZQ==", "image/jpeg": "AQI=" },
      {
        "application/json": {
          count: 3,
          huge: "18446744073709551616",
          when: "1970-01-01T00:00:00.000Z",
          list: [1, [2]],
        },
      },
      {
        "application/vnd.plotly.v1+json": { data: [{ y: [1, 2.5, null], x: [1, 2] }], layout: {} },
        "text/plain": "Plotly figure",
      },
    ]);
    const own = await shown('({ [Symbol.for("Jupyter.display")]: async () => ({ "image/png": Buffer.from("own") }) })');
    assert.deepEqual(own, { "image/png": "b3du" });
    const { reply } = await client.execute(
      'const ring: any = {}; ring.ring = ring; display({ "application/json": ring });',
    );
    assert.match(String(reply.evalue), /circular structure/);
  });

  it("a chart is Plotly where that is, a picture elsewhere, and a line of text", async () => {
    const chart = await shown('plot.line({ y: [3, 2, 1], title: "Loss" })');
    assert.deepEqual(Object.keys(chart), ["application/vnd.plotly.v1+json", "text/html", "text/plain"]);
    assert.match(String(chart["text/html"]), /^<img .*src="data:image\/svg\+xml;base64,/);
  });
});
