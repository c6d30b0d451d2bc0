import assert from "node:assert/strict";
import { parseConfig } from "../../../lib/models/config.js";
import { TINY_CONFIG } from "./tinyModel.js";

describe("parseConfig", () => {
  it("reads the sizes of a Qwen2 model", () => {
    const config = parseConfig(TINY_CONFIG);
    assert.equal(config.headDim, 16);
    assert.equal(config.attentionBias, true);
    assert.deepEqual(config.eosTokenIds, [2]);
    assert.equal(config.raw, TINY_CONFIG);
  });

  it("reads rope_theta where transformers 5 writes it, and several EOS tokens", () => {
    const { rope_theta: _, ...rest } = TINY_CONFIG;
    const config = parseConfig({
      ...rest,
      rope_parameters: { rope_type: "default", rope_theta: 1e6 },
      eos_token_id: [2, 7],
    });
    assert.equal(config.ropeTheta, 1e6);
    assert.deepEqual(config.eosTokenIds, [2, 7]);
  });

  for (const [what, change, message] of [
    [
      "another architecture",
      { architectures: ["GPT2LMHeadModel"] },
      /GPT2LMHeadModel is not supported.*Qwen2ForCausalLM/,
    ],
    ["no architecture", { architectures: undefined }, /none named/],
    ["another activation", { hidden_act: "gelu" }, /hidden_act "gelu"/],
    ["scaled RoPE", { rope_scaling: { type: "yarn", factor: 4 } }, /rope_scaling of type "yarn"/],
    ["a sliding window", { use_sliding_window: true }, /use_sliding_window/],
    ["a size of zero", { num_hidden_layers: 0 }, /num_hidden_layers is 0/],
    ["a missing size", { hidden_size: undefined }, /hidden_size is missing/],
    ["heads that do not divide", { num_key_value_heads: 3 }, /not a multiple/],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => parseConfig({ ...TINY_CONFIG, ...change }), message));
  }
});
