import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
import type { LoadedModel } from "../../../lib/models/loadedModel.js";
import { loadTinyModel, writeTinyModel } from "../models/tinyModel.js";

const PROMPT = [5, 9, 12, 33];

describe("generate", () => {
  let folder: string;
  let model: LoadedModel;
  before(async () => {
    folder = await writeTinyModel();
    model = await loadTinyModel(folder);
  });
  after(() => {
    model.dispose();
    rmSync(folder, { recursive: true });
  });

  it("gives the same tokens with and without the cache", async () => {
    const options = { inputIds: [PROMPT], maxNewTokens: 12, eosTokenId: null };
    const cached = await model.generate(options);
    assert.equal(cached[0]?.length, PROMPT.length + 12);
    assert.deepEqual(await model.generate({ ...options, useCache: false }), cached);
  });

  it("answers a batch as its rows one by one, drawing too", async () => {
    const other = [40, 41, 42, 43, 44, 45, 46];
    for (const doSample of [false, true]) {
      const options = { maxNewTokens: 10, eosTokenId: null, doSample, temperature: 1.3, topK: 0, padTokenId: 0 };
      const together = await model.generate({
        inputIds: [[0, 0, 0, ...PROMPT], other],
        attentionMask: [[0, 0, 0, 1, 1, 1, 1], other.map(() => 1)],
        ...options,
      });
      const [first] = await model.generate({ inputIds: [PROMPT], ...options, seed: 0 });
      const [second] = await model.generate({ inputIds: [other], ...options, seed: 1 });
      assert.deepEqual(together[0]?.slice(3), first);
      assert.deepEqual(together[1], second);
    }
  });

  it("ends a row at EOS and fills it up with padding", async () => {
    const [free] = await model.generate({ inputIds: [PROMPT], maxNewTokens: 8, eosTokenId: null });
    const eos = free![PROMPT.length + 2] as number;
    const first = free!.indexOf(eos, PROMPT.length);
    const [row] = await model.generate({ inputIds: [PROMPT], maxNewTokens: 8, eosTokenId: eos });
    assert.deepEqual(row, free!.slice(0, first + 1));
    const [longer] = await model.generate({ inputIds: [PROMPT], maxNewTokens: 8, eosTokenId: eos, minNewTokens: 6 });
    assert.ok(longer!.length >= PROMPT.length + 6);
  });

  it("streams the prompt, then each token", async () => {
    const seen: (readonly number[] | "end")[] = [];
    const streamer = { put: (tokens: readonly number[]) => void seen.push(tokens), end: () => void seen.push("end") };
    const [row] = await model.generate({ inputIds: [PROMPT], maxNewTokens: 3, eosTokenId: null, streamer });
    assert.deepEqual(seen, [PROMPT, ...row!.slice(PROMPT.length).map((token) => [token]), "end"]);
  });

  it("keeps no tensors", async () => {
    const before = tf.memory().numTensors;
    await model.generate({ inputIds: [PROMPT, [7, 8]], maxNewTokens: 4 });
    assert.equal(tf.memory().numTensors, before);
  });

  for (const [options, message] of [
    [{ inputIds: [] }, /inputIds is empty/],
    [{ inputIds: [[]] }, /no tokens/],
    [{ inputIds: [PROMPT], maxNewTokens: 100 }, /104 tokens; the model has positions for 64/],
    [{ inputIds: [PROMPT], temperature: 0, doSample: true }, /temperature is 0/],
    [{ inputIds: [PROMPT], topP: 2 }, /topP is 2/],
    [{ inputIds: [PROMPT], max_new_tokens: 4 }, /Unknown option "max_new_tokens".*"maxNewTokens"/],
    [
      { inputIds: PROMPT },
      /inputIds is an array, not a list of prompts.*model\.generate\(\{ \.\.\.tokenizer\(prompt\) \}\)/,
    ],
    [undefined, /takes its options in an object, got undefined/],
    [{ inputIds: [PROMPT], num_beams: 4 }, /no option "num_beams" of generate\. Beams are not searched/],
    [{ inputIds: [PROMPT], maxNewTokens: "4" }, /maxNewTokens is "4"/],
    [{ inputIds: [PROMPT], attentionMask: [[1]] }, /attentionMask has 1 entries/],
  ] as const) {
    it(`refuses ${JSON.stringify(options)}`, async () => {
      await assert.rejects(model.generate(options as never), message);
    });
  }
});
