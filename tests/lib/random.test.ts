import assert from "node:assert/strict";
import { createRandom } from "../../lib/random.js";

describe("createRandom", () => {
  it("gives the same numbers for the same seed, others for another", () => {
    const [a, b, c] = [createRandom(7), createRandom(7), createRandom(8)];
    const [x, y, z] = [a, b, c].map((random) => Array.from({ length: 5 }, () => random.next()));
    assert.deepEqual(x, y);
    assert.notDeepEqual(x, z);
  });

  it("goes on from a saved state", () => {
    const random = createRandom(1);
    random.next();
    const restored = createRandom(random.state());
    assert.equal(restored.next(), random.next());
  });

  it("fills arrays with the numbers that next gives", () => {
    const [one, many] = [createRandom(7), createRandom(7)];
    const values = new Float32Array(1000);
    many.next();
    many.fill(values, 0.3);
    one.next();
    assert.deepEqual(
      values,
      values.map(() => (2 * one.next() - 1) * 0.3),
    );
    assert.equal(many.next(), one.next());
  });

  it("is uniform", () => {
    const random = createRandom(3);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) (counts[random.integer(10)] as number)++;
    for (const count of counts) assert.ok(Math.abs(count - 2000) < 200, String(counts));
  });
});
