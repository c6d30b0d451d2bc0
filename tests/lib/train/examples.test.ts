import assert from "node:assert/strict";
import { inspect } from "node:util";
import { prepareExamples, truncationMessage } from "../../../lib/train/examples.js";
import { SFTTrainer, type SFTTrainerOptions } from "../../../lib/train/sftTrainer.js";
import type { TrainingDataset } from "../../../lib/train/trainable.js";
import { TrainingArguments } from "../../../lib/train/trainingArguments.js";
import { BigramModel, tokenizer } from "./bigramModel.js";

const OPTIONS = { name: "trainDataset", textField: "text", maxSeqLength: 5, vocabSize: 128 };
const prepare = (dataset: TrainingDataset, more = {}) => prepareExamples(dataset, tokenizer, { ...OPTIONS, ...more });

describe("prepareExamples", () => {
  it("adds nothing to a text and learns all of it", () => {
    const [example] = prepare([{ text: "ab\0" }]).examples;
    assert.deepEqual(example, [{ inputIds: Int32Array.of(97, 98, 0), labels: Int32Array.of(97, 98, 0) }]);
  });

  it("keeps the start of long texts, and says once how much was cut", () => {
    const prepared = prepare([{ text: "abcdefgh" }, { text: "abc" }, { text: "abcdef" }]);
    assert.deepEqual(Array.from(prepared.examples[0]![0]!.inputIds), [97, 98, 99, 100, 101]);
    assert.equal(
      truncationMessage(prepared, OPTIONS),
      "2 of 3 texts in trainDataset are longer than maxSeqLength = 5: 4 tokens were cut off their ends, " +
        "the end-of-text token with them.",
    );
    assert.equal(truncationMessage(prepare([{ text: "abc" }]), OPTIONS), null);
  });

  it("does not let the tokenizer add a BOS token that the text spells out", () => {
    const asked: unknown[] = [];
    const withBos = {
      bosToken: "<s>",
      encode: (_: string, options?: object) => {
        asked.push(options);
        return [1, 2];
      },
    };
    prepareExamples([{ text: "<s>a" }, { text: "a" }], withBos, OPTIONS);
    assert.deepEqual(asked, [{ addSpecialTokens: false }, { addSpecialTokens: true }]);
  });

  it("takes tokens and labels as they are", () => {
    const [example] = prepare([{ input_ids: [5, 6, 7], labels: [-100, 6, 7] }]).examples;
    assert.deepEqual(example, [{ inputIds: Int32Array.of(5, 6, 7), labels: Int32Array.of(-100, 6, 7) }]);
  });

  it("makes texts with formattingFunc", () => {
    const formattingFunc = (row: Record<string, unknown>) => `${row.a}${row.b}`;
    const [example] = prepare([{ a: "x", b: "y" }], { formattingFunc }).examples;
    assert.deepEqual(Array.from(example![0]!.inputIds), [120, 121]);
  });

  const refusals: [string, TrainingDataset, RegExp][] = [
    ["an empty dataset", [], /trainDataset has no rows\./],
    [
      "a missing column",
      [{ Question: "", Response: "" }],
      /has no column "text"; its columns are "Question", "Response"\./,
    ],
    [
      "a row without text",
      [{ text: "a" }, { text: null }],
      /Row 1 of trainDataset: column "text" holds null, not text/,
    ],
    ["an empty text", [{ text: "" }], /Row 0 of trainDataset has no tokens/],
    ["tokens outside the vocabulary", [{ input_ids: [1, 128] }], /Row 0 of trainDataset has token id 128.*128 entries/],
    ["unequal labels", [{ input_ids: [1, 2], labels: [1] }], /2 input_ids but 1 labels/],
    ["splits instead of one", { train: [] } as unknown as TrainingDataset, /trainDataset is no dataset.*split/],
  ];
  for (const [what, dataset, message] of refusals) {
    it(`refuses ${what}`, () => {
      assert.throws(() => prepare(dataset), message);
    });
  }
});

describe("SFTTrainer's options", () => {
  const model = new BigramModel();
  const base = { model, tokenizer, trainDataset: [{ text: "abc" }] };
  const make = (more: object) => new SFTTrainer({ ...base, ...more } as SFTTrainerOptions);
  after(() => model.dispose());

  const refusals: [string, object, RegExp][] = [
    ["Python's spelling", { dataset_text_field: "text" }, /Unknown option "dataset_text_field".*"datasetTextField"/],
    ["no tokenizer", { tokenizer: undefined }, /SFTTrainer needs a tokenizer/],
    ["two tokenizers", { processingClass: { encode: () => [] } }, /two names of the same option/],
    ["no dataset", { trainDataset: undefined }, /SFTTrainer needs a trainDataset/],
    ["a number of processes that is none", { datasetNumProc: 0 }, /datasetNumProc is 0/],
    ["a length that is none", { maxSeqLength: 0 }, /maxSeqLength is 0, but it must be a whole number of at least 2/],
    [
      "evaluations of nothing",
      { args: new TrainingArguments({ evalStrategy: "epoch" }) },
      /evalStrategy is "epoch", but there is no evalDataset/,
    ],
  ];
  for (const [what, options, message] of refusals) {
    it(`refuses ${what}`, () => {
      assert.throws(() => make(options), message);
    });
  }

  it("shows itself in one line", () => {
    const args = new TrainingArguments({
      maxSteps: 60,
      perDeviceTrainBatchSize: 2,
      optim: "adamw_8bit",
      learningRate: 2e-4,
    });
    const line = "SFTTrainer { 1 examples, 60 steps of 2 x 1, adamw_8bit, learning rate 0.0002, 0 done }";
    assert.equal(inspect(make({ args, datasetNumProc: 2 })), line);
  });

  it("checks plain options like TrainingArguments", () => {
    assert.throws(() => make({ args: { learningrate: 1 } }), /Did you mean "learningRate"/);
  });
});
