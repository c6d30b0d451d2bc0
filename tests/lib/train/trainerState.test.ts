import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePythonJson, pythonFloat, pythonJson } from "../../../lib/train/pythonJson.js";
import {
  createTrainerState,
  readTrainerState,
  trainerStateJson,
  writeTrainerState,
} from "../../../lib/train/trainerState.js";

describe("pythonJson", () => {
  it("writes floats as Python does", () => {
    const texts: [number, string][] = [
      [0, "0.0"],
      [-0, "-0.0"],
      [1, "1.0"],
      [0.96, "0.96"],
      [0.0002, "0.0002"],
      [0.0001234, "0.0001234"],
      [0.00002, "2e-05"],
      [1.5e-7, "1.5e-07"],
      [123456.789, "123456.789"],
      [1e15, "1000000000000000.0"],
      [1e16, "1e+16"],
      [3.404752748660736e16, "3.404752748660736e+16"],
      [Number.NaN, "NaN"],
      [Number.POSITIVE_INFINITY, "Infinity"],
    ];
    for (const [value, text] of texts) assert.equal(pythonFloat(value), text);
  });

  it("sorts keys, indents by two, and escapes what is not ASCII", () => {
    assert.equal(
      pythonJson({ b: [1, "é"], a: {}, c: [] }),
      '{\n  "a": {},\n  "b": [\n    1,\n    "\\u00e9"\n  ],\n  "c": []\n}',
    );
  });
});

describe("parsePythonJson", () => {
  it("reads what json.dumps writes of numbers that JSON does not know, and leaves texts alone", () => {
    const text = '{"NaN": [NaN, -Infinity, {"a": Infinity}], "b": "NaN, \\"Infinity", "c": -1e-05}';
    const { POSITIVE_INFINITY: infinity, NaN: nan } = Number;
    const value = { NaN: [nan, -infinity, { a: infinity }], b: 'NaN, "Infinity', c: -1e-5 };
    assert.deepEqual(parsePythonJson(text), value);
    assert.throws(() => parsePythonJson('{"a": Infinit}'), SyntaxError);
  });
});

describe("trainer_state.json", () => {
  const state = {
    ...createTrainerState(),
    epoch: 0.96,
    globalStep: 60,
    maxSteps: 60,
    loggingSteps: 10,
    trainBatchSize: 2,
    numTrainEpochs: 1,
    totalFlos: 3.404752748660736e16,
    logHistory: [{ loss: 1.838, grad_norm: 0.5, learning_rate: 2e-5, epoch: 0.16, step: 10 }],
    statefulCallbacks: {
      EarlyStoppingCallback: {
        args: { early_stopping_patience: 3, early_stopping_threshold: 0 },
        attributes: { early_stopping_patience_counter: 1 },
      },
    },
  };

  it("is byte for byte what transformers writes", () => {
    const golden = readFileSync(join(import.meta.dirname, "golden", "trainer_state.txt"), "utf8");
    assert.equal(trainerStateJson(state), golden);
  });

  it("reads back, and refuses what is no state", async () => {
    const dir = mkdtempSync(join(tmpdir(), "tunelab-state-"));
    const path = join(dir, "trainer_state.json");
    await writeTrainerState(path, state);
    assert.deepEqual(await readTrainerState(path), state);
    writeFileSync(path, "{");
    await assert.rejects(readTrainerState(path), /cannot be read as a trainer state/);
    rmSync(dir, { recursive: true });
  });
});
