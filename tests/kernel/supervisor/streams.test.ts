import assert from "node:assert/strict";
import type { Header } from "../../../kernel/protocol/messages.js";
import { StreamBatcher } from "../../../kernel/supervisor/streams.js";

const header = (id: string): Header => ({ msg_id: id, session: "", username: "", date: "", msg_type: "", version: "" });

describe("stream batches", () => {
  it("join what belongs together and keep the order of what does not", () => {
    const published: string[] = [];
    const batcher = new StreamBatcher((parent, name, text) => published.push(`${parent.msg_id} ${name} ${text}`));
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
    const published: string[] = [];
    const batcher = new StreamBatcher((_parent, _name, text) => published.push(text));
    batcher.add(header("a"), "stdout", "x".repeat(70_000));
    assert.equal(published.length, 1);
  });
});
