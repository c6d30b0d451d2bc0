import assert from "node:assert/strict";
import { passPeak } from "../../../lib/models/passMemory.js";
import {
  type Checkpointing,
  describePlan,
  keepsEverything,
  type PassPlan,
  type PassRequest,
  planPasses,
} from "../../../lib/models/passPlan.js";
import type { Saving } from "../../../lib/tensor/layers.js";
import { ARTICLE_SHAPE } from "./passShape.js";

const GIB = 2 ** 30;

function plan(mode: Checkpointing, gibibytes: number, change: Partial<PassRequest> = {}): PassPlan {
  const request = { mode, tokens: 5880, longest: 1034, maxTokens: null, budget: gibibytes * GIB, hasHost: true };
  return planPasses(ARTICLE_SHAPE, { ...request, ...change });
}

const count = ({ savings }: PassPlan, saving: Saving) => savings.filter((other) => other === saving).length;
const passes = ({ tokensPerPass }: PassPlan, tokens = 5880) => Math.ceil(tokens / tokensPerPass);

describe("the plan of training passes", () => {
  it("keeps everything and divides nothing where memory allows", () => {
    const chosen = plan("auto", 60);
    assert.deepEqual([count(chosen, "all"), chosen.inputs, chosen.tokensPerPass], [48, "device", 5880]);
    assert.ok(keepsEverything(chosen, 5880));
  });

  it("computes less again the more memory there is, and always fits it", () => {
    let [recomputed, peak] = [Number.POSITIVE_INFINITY, 0];
    for (const gibibytes of [1.5, 2, 3, 4, 6, 8, 12, 16, 20, 26, 32, 38, 42]) {
      const chosen = plan("auto", gibibytes);
      assert.ok(chosen.fits && chosen.peakBytes <= gibibytes * GIB, `${gibibytes} GiB`);
      assert.equal(chosen.peakBytes, passPeak(ARTICLE_SHAPE, chosen.tokensPerPass, chosen.savings, chosen.inputs));
      // Tokens' worth of time, as the plan weighs it.
      const again = (0.38 * count(chosen, "none") + 0.036 * count(chosen, "selected")) / 48;
      const cost = 5880 * (1 + again + (chosen.inputs === "host" ? 0.02 : 0)) + 300 * passes(chosen);
      assert.ok(cost <= recomputed, `${gibibytes} GiB cost ${cost}, fewer ${recomputed}`);
      assert.ok(chosen.peakBytes > peak);
      [recomputed, peak] = [cost, chosen.peakBytes];
    }
  });

  it("lets the last layers keep more than the first: their backward pass comes first", () => {
    const chosen = plan("auto", 20, { maxTokens: null, longest: 5880 });
    const order = chosen.savings.map((saving) => ["none", "selected", "all"].indexOf(saving));
    assert.deepEqual(order, order.toSorted());
    assert.ok(count(chosen, "none") > 0 && count(chosen, "selected") > 0, describePlan(chosen));
  });

  it("moves inputs to the host and divides the update when there is little memory", () => {
    const chosen = plan("auto", 1.2);
    assert.ok(chosen.fits && chosen.inputs === "host");
    assert.ok(passes(plan("auto", 0.8)) > 1);
    const alone = plan("auto", 2, { hasHost: false });
    assert.equal(alone.inputs, "device");
  });

  it("makes no pass smaller than the longest sequence, and says when even that does not fit", () => {
    const chosen = plan("auto", 0.3, { longest: 2000 });
    assert.ok(!chosen.fits && chosen.tokensPerPass === 2000);
    assert.match(describePlan(chosen), /passes of up to 2,000 tokens take \d+ MiB but only 308 MiB are free\.$/);
    assert.equal(plan("auto", 1, { tokens: 900, longest: 900 }).tokensPerPass, 900);
  });

  it("keeps to the tokens that were asked for", () => {
    for (const mode of [true, false, "auto", "unsloth"] as const) {
      assert.equal(plan(mode, 79, { maxTokens: 3000 }).tokensPerPass, 3000);
      assert.equal(plan(mode, 79, { maxTokens: 100 }).tokensPerPass, 1034);
    }
  });

  it("saves what true and false say, in as few passes as fit", () => {
    const [recomputed, saved] = [plan(true, 60), plan(false, 60)];
    assert.deepEqual([count(recomputed, "none"), passes(recomputed)], [48, 1]);
    assert.deepEqual([count(saved, "all"), passes(saved)], [48, 1]);
    const divided = plan(false, 24);
    assert.ok(count(divided, "all") === 48 && divided.fits && passes(divided) === 2, describePlan(divided));
    assert.ok(passes(plan(true, 3)) === 2);
  });

  it('saves memory with "unsloth", however much there is, and keeps what costs none', () => {
    const chosen = plan("unsloth", 70);
    assert.deepEqual([chosen.inputs, chosen.tokensPerPass, count(chosen, "none")], ["host", 5880, 47]);
    const none = new Array<Saving>(48).fill("none");
    assert.equal(chosen.peakBytes, passPeak(ARTICLE_SHAPE, 5880, none, "host"));
    assert.ok(chosen.peakBytes < 1.25 * GIB);
    assert.equal(plan("unsloth", 70, { tokens: 16384, longest: 2048 }).tokensPerPass, 8192);
    assert.ok(passes(plan("unsloth", 1)) === 2);
  });

  it("is said in a sentence", () => {
    assert.equal(
      describePlan(plan("auto", 60)),
      "all 48 layers keep everything; passes of up to 5,880 tokens take 39.7 GiB of 60.0 GiB that are free.",
    );
    assert.equal(
      describePlan(plan("unsloth", 14.5)),
      "1 layer keeps what matrix products made, 47 layers compute everything again, inputs wait in host memory; " +
        "passes of up to 5,880 tokens take 1.2 GiB of 14.5 GiB that are free.",
    );
  });
});
