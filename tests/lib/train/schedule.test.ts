import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createSchedule, SCHEDULER_TYPES, type ScheduleInput } from "../../../lib/train/schedule.js";

const RATE = 2e-4;

function rates(input: Partial<ScheduleInput>, steps: readonly number[]): number[] {
  const schedule = createSchedule({ type: "linear", learningRate: RATE, warmupSteps: 6, totalSteps: 60, ...input });
  return steps.map(schedule);
}

function assertRates(actual: readonly number[], shares: readonly number[]): void {
  for (const [i, share] of shares.entries()) {
    assert.ok(Math.abs(actual[i]! - RATE * share) < 1e-18, `${i}: ${actual[i]} instead of ${RATE * share}`);
  }
}

/** What golden/makeSchedules.py wrote with transformers. */
type Golden = Required<Pick<ScheduleInput, "type" | "options" | "warmupSteps">> & { rates: number[] };

describe("learning-rate schedules", () => {
  it("have transformers' rates at every update", () => {
    const golden: Golden[] = JSON.parse(readFileSync(join(import.meta.dirname, "golden", "schedules.json"), "utf8"));
    for (const { rates: expected, ...input } of golden) {
      for (const [step, rate] of rates(input, [...expected.keys()]).entries()) {
        const wanted = expected[step]!;
        assert.ok(Math.abs(rate - wanted) <= 1e-13 * RATE, `${JSON.stringify(input)} ${step}: ${rate} ${wanted}`);
      }
    }
    assert.deepEqual(new Set(golden.map(({ type }) => type)), new Set(SCHEDULER_TYPES));
  });

  it("linear rises over the warm-up from 0 and falls to 0", () => {
    assertRates(rates({}, [0, 3, 6, 33, 59, 60]), [0, 0.5, 1, 0.5, 1 / 54, 0]);
  });

  it("cosine falls along half a wave, or as many as are wanted", () => {
    assertRates(rates({ type: "cosine" }, [6, 33, 60]), [1, 0.5, 0]);
    assertRates(rates({ type: "cosine", options: { numCycles: 1 } }, [6, 33, 60]), [1, 0, 1]);
  });

  it("cosine_with_restarts jumps back up", () => {
    const options = { numCycles: 2 };
    assertRates(rates({ type: "cosine_with_restarts", options }, [6, 33, 60]), [1, 1, 0]);
    assertRates(rates({ type: "cosine_with_restarts", options, warmupSteps: 0 }, [15]), [0.5]);
  });

  it("polynomial falls to its end value", () => {
    const options = { power: 2, lrEnd: 1e-5 };
    assertRates(rates({ type: "polynomial", options }, [6, 33, 60, 70]), [1, (1 - 0.05) * 0.25 + 0.05, 0.05, 0.05]);
  });

  it("constant has no warm-up, constant_with_warmup has", () => {
    assertRates(rates({ type: "constant" }, [0, 3, 60]), [1, 1, 1]);
    assertRates(rates({ type: "constant_with_warmup" }, [0, 3, 60]), [0, 0.5, 1]);
  });

  it("inverse_sqrt halves over four times its timescale", () => {
    assertRates(rates({ type: "inverse_sqrt" }, [3, 6, 24]), [0.5, 1, 0.5]);
    assertRates(rates({ type: "inverse_sqrt", options: { timescale: 18 } }, [6, 60]), [1, 0.5]);
  });

  it("all stay within 0 and the peak", () => {
    for (const type of SCHEDULER_TYPES) {
      for (const rate of rates(
        { type },
        Array.from({ length: 61 }, (_, i) => i),
      ))
        assert.ok(rate >= 0 && rate <= RATE);
    }
  });

  it("refuses options of other schedules", () => {
    assert.throws(() => rates({ type: "cosine", options: { power: 2 } }, []), /Unknown option "power".*numCycles/);
    assert.throws(
      () => rates({ type: "polynomial", options: { lrEnd: 1 } }, []),
      /lrEnd 1 is not below the learning rate/,
    );
  });
});
