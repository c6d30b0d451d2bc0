import assert from "node:assert/strict";
import { type InputPlace, type PassShape, passPeak } from "../../../lib/models/passMemory.js";
import type { Saving } from "../../../lib/tensor/layers.js";
import { ARTICLE_SHAPE } from "./passShape.js";

const savings = (saving: Saving) => new Array<Saving>(ARTICLE_SHAPE.numLayers).fill(saving);
const MIXED = Array.from({ length: 48 }, (_, i): Saving => (i < 20 ? "none" : i < 40 ? "selected" : "all"));

describe("bytes of a training pass", () => {
  // What the CUDA op table's accounting of its own blocks came to for this model, kernels left out.
  const counted: [string, readonly Saving[], InputPlace, tokens: number, bytes: number][] = [
    ["all", savings("all"), "device", 5880, 42_686_509_312],
    ["selected", savings("selected"), "device", 5880, 29_046_313_216],
    ["none", savings("none"), "device", 5880, 4_070_095_104],
    ["none, inputs on the host", savings("none"), "host", 5880, 1_300_379_904],
    ["some of each, inputs on the host", MIXED, "host", 5880, 17_867_846_912],
    ["all, few tokens", savings("all"), "device", 1000, 7_659_655_424],
    ["none, inputs on the host, few tokens", savings("none"), "host", 1000, 523_845_888],
  ];
  for (const [name, kept, inputs, tokens, bytes] of counted) {
    it(`are what the GPU's ops allocate: ${name}`, () => {
      const estimate = passPeak(ARTICLE_SHAPE, tokens, kept, inputs);
      assert.ok(Math.abs(estimate / bytes - 1) < 1e-3, `${estimate} bytes, counted ${bytes}`);
    });
  }

  it("grow with dropout, expanded weights and wider elements, and shrink with what is kept less", () => {
    const at = (change: Partial<PassShape>, saving: Saving = "none") =>
      passPeak({ ...ARTICLE_SHAPE, ...change }, 5880, savings(saving), "host");
    assert.ok(at({ dropout: true }) > at({}));
    assert.ok(at({ elementBytes: 4 }) > 1.7 * at({}));
    const plain = { rank: 0, expanded: false };
    const groups = { qkv: plain, o: plain, gateUp: plain, down: plain };
    assert.ok(at({ groups }) < at({}));
    assert.ok(at({}, "none") < at({}, "selected") && at({}, "selected") < at({}, "all"));
  });
});
