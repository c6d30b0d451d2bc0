import assert from "node:assert/strict";
import { messageHeader, textKind } from "../../../kernel/runner/frames.js";
import { MessageReader } from "../../../kernel/runner/messageReader.js";

function reader() {
  const received: [number, unknown][] = [];
  const reader = new MessageReader((sequence, message) => {
    received.push([
      sequence,
      message.type === "text" ? `${message.cell} ${message.stream} ${Buffer.concat(message.pieces)}` : message,
    ]);
  });
  return { reader, received };
}

const json = Buffer.from(JSON.stringify({ type: "handled", request: 5, "é\n": "1,2,\n" }));
const text = Buffer.from("a,1\né".repeat(40));
const stream = Buffer.concat([
  Buffer.from(messageHeader(7, json.length)),
  json,
  Buffer.from(messageHeader(8, text.length, textKind("stderr", 3))),
  text,
  Buffer.from(messageHeader(9, json.length)),
  json,
]);
const whole = JSON.parse(json.toString());
const expected = [
  [7, whole],
  [8, `3 stderr ${text}`],
  [9, whole],
];

describe("the descriptor of messages", () => {
  it("brings messages and long texts, however they are cut", () => {
    for (const size of [1, 2, 7, 64, stream.length]) {
      const { reader: messages, received } = reader();
      for (let at = 0; at < stream.length; at += size) messages.read(stream.subarray(at, at + size));
      assert.deepEqual(received, expected, `pieces of ${size} bytes`);
    }
  });

  it("brings a long text in the pieces in which it came", () => {
    let pieces: Buffer[] = [];
    const messages = new MessageReader((_sequence, message) => {
      if (message.type === "text") pieces = message.pieces;
    });
    messages.read(Buffer.from(`${messageHeader(1, 6, textKind("stdout", 1))}abc`));
    messages.read(Buffer.from("def"));
    assert.deepEqual(pieces.map(String), ["abc", "def"]);
  });

  it("refuses what is no message", () => {
    for (const bytes of ["no numbers\n", "1,-5,\n", "x".repeat(100), `${"1".repeat(80)}\n`, "1,2,\n12", "1,4,\nnull"]) {
      assert.throws(() => reader().reader.read(Buffer.from(bytes)), SyntaxError, bytes);
    }
  });
});
