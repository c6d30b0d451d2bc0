import assert from "node:assert/strict";
import {
  ELSEWHERE,
  fromAdapterConfig,
  loraScaling,
  resolveLoraConfig,
  toAdapterConfig,
} from "../../../lib/peft/loraConfig.js";

describe("LoRA options", () => {
  it("default to the article's", () => {
    const config = resolveLoraConfig({});
    assert.equal(config.r, 16);
    assert.equal(config.targetModules.length, 7);
    assert.equal(loraScaling(config), 1);
  });

  it("scale by the square root of r when rank-stabilised", () => {
    assert.equal(loraScaling(resolveLoraConfig({ r: 4, loraAlpha: 8, useRslora: true })), 4);
  });

  it("survive a round trip through adapter_config.json", () => {
    const config = resolveLoraConfig({
      r: 8,
      targetModules: ["v_proj", "q_proj"],
      loraDropout: 0.1,
      layersToTransform: [1],
    });
    const raw = toAdapterConfig(config, "base");
    assert.deepEqual(raw.target_modules, ["q_proj", "v_proj"]);
    const back = fromAdapterConfig(raw);
    assert.deepEqual(
      { ...back, targetModules: [...back.targetModules].sort() },
      { ...config, targetModules: ["q_proj", "v_proj"], randomState: 3407 },
    );
  });

  it("take PEFT's shorter forms", () => {
    assert.deepEqual(resolveLoraConfig({ targetModules: "all-linear" }), resolveLoraConfig({}));
    assert.deepEqual(resolveLoraConfig({ layersToTransform: 2 }).layersToTransform, [2]);
    assert.equal(resolveLoraConfig({ layersToTransform: null }).layersToTransform, null);
    const raw = { ...toAdapterConfig(resolveLoraConfig({}), "base"), layers_to_transform: 3 };
    assert.deepEqual(fromAdapterConfig(raw).layersToTransform, [3]);
  });

  it("are not among those that there are not", () => {
    const given = Object.fromEntries(Object.keys(ELSEWHERE).map((name) => [name, 1]));
    for (const [name, value] of Object.entries(given)) {
      assert.throws(
        () => resolveLoraConfig({ [name]: value } as object),
        /There is no option "\w+" of getPeftModel\. /,
      );
    }
  });

  for (const [options, message] of [
    [{ targetModules: "q_proj" }, /targetModules is "q_proj"\. Give a list of projections, or "all-linear"/],
    [{ layersToTransform: "1" }, /layersToTransform is "1"/],
    [{ r: "16" }, /r is "16", not a positive integer/],
    [{ randomState: "x" }, /randomState is "x"/],
    [{ useRslora: 1 }, /useRslora is 1/],
    [{ loraAlpha: "8" }, /loraAlpha is "8"/],
    [{ modules_to_save: ["lm_head"] }, /no option "modules_to_save".*Only the projections learn/],
    [{ targetModules: ["qproj"] }, /"qproj" matches no projection.*"q_proj"/],
    [{ targetModules: [] }, /targetModules is empty/],
    [{ r: 0 }, /r is 0/],
    [{ loraDropout: 1 }, /loraDropout is 1/],
    [{ lora_alpha: 16 }, /Unknown option "lora_alpha".*"loraAlpha"/],
    [{ bias: "all" }, /bias "all" is not supported/],
    [{ useGradientCheckpointing: "sloth" }, /useGradientCheckpointing is "sloth"/],
  ] as const) {
    it(`refuse ${JSON.stringify(options)}`, () => assert.throws(() => resolveLoraConfig(options as object), message));
  }

  for (const [field, message] of [
    [{ use_dora: true }, /use_dora/],
    [{ rank_pattern: { q_proj: 4 } }, /rank_pattern/],
    [{ modules_to_save: ["lm_head"] }, /modules_to_save \(lm_head\)/],
    [{ peft_type: "IA3" }, /"IA3" is not LORA/],
  ] as const) {
    it(`refuse an adapter_config.json with ${JSON.stringify(field)}`, () => {
      const raw = { ...toAdapterConfig(resolveLoraConfig({}), "base"), ...field };
      assert.throws(() => fromAdapterConfig(raw), message);
    });
  }
});
