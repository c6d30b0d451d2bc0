import assert from "node:assert/strict";
import type { Header } from "../../../kernel/protocol/messages.js";
import { StreamBatcher } from "../../../kernel/supervisor/streams.js";

const header = (id: string): Header => ({ msg_id: id, session: "", username: "", date: "", msg_type: "", version: "" });

describe("stream batches", () => {
  it("join what belongs together and keep the order of what does not", () => {
    const published: string[] = [];
    const batcher = new StreamBatcher((parent, name, pieces) =>
      published.push(`${parent.msg_id} ${name} ${pieces.join("")}`),
    );
    const [a, b] = [header("a"), header("b")];
    batcher.add(a, "stdout", "1");
    batcher.add(a, "stdout", "2");
    batcher.add(a, "stderr", "3");
    batcher.add(b, "stdout", "4");
    batcher.add(a, "stdout", "5");
    assert.deepEqual(published, []);
    batcher.flush();
    assert.deepEqual(published, ["a stdout 12", "a stderr 3", "b stdout 4", "a stdout 5"]);
  });

  it("never hold back much", () => {
    const published: number[] = [];
    const batcher = new StreamBatcher((_parent, _name, pieces) => published.push(pieces.join("").length));
    const parent = header("a");
    for (let n = 0; n < 9; n++) batcher.add(parent, "stdout", "x".repeat(60_000));
    assert.deepEqual(published, [300_000]);
    batcher.flush();
    assert.deepEqual(published, [300_000, 240_000]);
  });

  it("join short texts and leave long ones as they are", () => {
    const published: number[][] = [];
    const batcher = new StreamBatcher((_parent, _name, pieces) => published.push(pieces.map(({ length }) => length)));
    const parent = header("a");
    for (const length of [10, 20, 65_000, 600, 1, 70_000, 5]) batcher.add(parent, "stdout", "x".repeat(length));
    batcher.flush();
    assert.deepEqual(published, [[65_030, 601, 70_000, 5]]);
  });
});
