import assert from "node:assert/strict";
import { FrameParser, messageFrame, textHeader } from "../../../kernel/runner/frames.js";

const NONCE = "0123456789abcdef";

function parser(arrived = new Set<number>()) {
  const events: string[] = [];
  const parser = new FrameParser(NONCE, {
    text: (cell, stream, text) => events.push(`${cell} ${stream} ${text}`),
    raw: (text) => events.push(`raw ${text}`),
    message: (sequence) => {
      if (!arrived.has(sequence)) return false;
      events.push(`message ${sequence}`);
      return true;
    },
  });
  return { parser, events, arrived };
}

const text = (cell: number, value: string) =>
  Buffer.from(textHeader(NONCE, "stdout", cell, Buffer.byteLength(value)) + value);

describe("frames on the runner's output", () => {
  it("come out in order, with raw bytes between them", () => {
    const { parser: frames, events } = parser(new Set([1]));
    frames.push(
      Buffer.concat([text(3, "a"), Buffer.from("native"), Buffer.from(messageFrame(NONCE, 1)), text(4, "b")]),
    );
    assert.deepEqual(events, ["3 stdout a", "raw native", "message 1", "4 stdout b"]);
  });

  it("come out the same when every byte arrives alone", () => {
    const { parser: frames, events } = parser(new Set([1]));
    const bytes = Buffer.concat([
      text(3, "aé"),
      Buffer.from("\0\u001eraw\n"),
      Buffer.from(messageFrame(NONCE, 1)),
      text(4, "b"),
    ]);
    for (const byte of bytes) frames.push(Buffer.from([byte]));
    const joined = events.filter((event) => event.startsWith("raw")).map((event) => event.slice(4));
    assert.equal(joined.join(""), "\0\u001eraw\n");
    assert.deepEqual(
      events.filter((event) => !event.startsWith("raw")),
      ["3 stdout aé", "message 1", "4 stdout b"],
    );
  });

  it("of one cell's stream come out as one text when they are read together, also if the last is cut", () => {
    const frames = (...values: string[]) => Buffer.concat(values.map((value) => text(1, value)));
    const long = "é".repeat(1200);
    const others = [Buffer.from(textHeader(NONCE, "stderr", 1, 1)), Buffer.from("x"), text(11, "y"), frames("c")];
    const bytes = Buffer.concat([frames("a\n", long, "", "0,1\n"), ...others]);
    const expected = [`1 stdout a\n${long}0,1\n`, "1 stderr x", "11 stdout y", "1 stdout c"];
    const { parser: whole, events } = parser();
    whole.push(Buffer.from(bytes));
    assert.deepEqual(events, expected);
    for (let at = 1; at < bytes.length; at += at > 100 && at < 2300 ? 97 : 1) {
      const { parser: halves, events } = parser();
      halves.push(Buffer.from(bytes.subarray(0, at)));
      halves.push(Buffer.from(bytes.subarray(at)));
      assert.equal(events.join("").replaceAll("1 stdout ", ""), expected.join("").replaceAll("1 stdout ", ""));
    }
  });

  it("wait for a message that has not come", () => {
    const { parser: frames, events, arrived } = parser();
    assert.equal(frames.push(Buffer.concat([text(1, "a"), Buffer.from(messageFrame(NONCE, 1)), text(1, "b")])), false);
    assert.deepEqual(events, ["1 stdout a"]);
    arrived.add(1);
    assert.equal(frames.resume(), true);
    assert.deepEqual(events, ["1 stdout a", "message 1", "1 stdout b"]);
  });

  it("do not mix up two streams whose characters are cut", () => {
    const { parser: frames, events } = parser();
    const [first, rest] = [Buffer.from("é").subarray(0, 1), Buffer.from("é").subarray(1)];
    const cut = (stream: "stdout" | "stderr", bytes: Buffer) =>
      Buffer.concat([Buffer.from(textHeader(NONCE, stream, 1, 1)), bytes]);
    frames.push(Buffer.concat([cut("stdout", first), cut("stderr", first), cut("stdout", rest), cut("stderr", rest)]));
    assert.deepEqual(
      events.filter((event) => event.endsWith("é")),
      ["1 stdout é", "1 stderr é"],
    );
  });
});
