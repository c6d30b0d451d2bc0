import assert from "node:assert/strict";
import { argmax, chooseToken, penalizeRepetition } from "../../../lib/generate/sample.js";
import { createRandom } from "../../../lib/random.js";

const LOGITS = Float32Array.from([1, 3, 2, -1]);

/** How often each token is drawn in 4,000 draws. */
function shares(options: { temperature?: number; topK?: number; topP?: number }): number[] {
  const random = createRandom(3);
  const choice = { doSample: true, temperature: 1, topK: 0, topP: 1, ...options };
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 4000; i++) (counts[chooseToken(LOGITS, choice, random)] as number)++;
  return counts.map((count) => count / 4000);
}

function near(actual: number[], expected: number[]): void {
  for (const [i, share] of actual.entries())
    assert.ok(Math.abs(share - expected[i]!) < 0.03, `${actual} is not ${expected}`);
}

describe("choosing a token", () => {
  it("takes the likeliest without sampling", () => assert.equal(argmax(LOGITS), 1));

  it("draws by the softmax", () => near(shares({}), [0.087, 0.643, 0.237, 0.012]));

  it("sharpens with a low temperature", () => near(shares({ temperature: 0.5 }), [0.016, 0.867, 0.117, 0]));

  it("keeps the k likeliest", () => near(shares({ topK: 2 }), [0, 0.731, 0.269, 0]));

  it("keeps the nucleus, the token that crosses p included", () => {
    near(shares({ topP: 0.6 }), [0, 1, 0, 0]);
    near(shares({ topP: 0.7 }), [0, 0.731, 0.269, 0]);
  });

  it("makes seen tokens less likely, whatever the sign of their logit", () => {
    const logits = Float32Array.from([4, -4, 2]);
    penalizeRepetition(logits, new Set([0, 1]), 2);
    assert.deepEqual([...logits], [2, -8, 2]);
  });
});
