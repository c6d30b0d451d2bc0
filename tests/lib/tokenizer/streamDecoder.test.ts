import assert from "node:assert/strict";
import { StreamDecoder } from "../../../lib/tokenizer/streamDecoder.js";
import { Tokenizer, type TokenizerLike } from "../../../lib/tokenizer/tokenizer.js";
import { goldenDirectory, goldenEncodings } from "./golden.js";

describe("StreamDecoder", () => {
  let tokenizer: TokenizerLike;
  before(async () => {
    tokenizer = await Tokenizer.fromDirectory(goldenDirectory("qwen"));
  });

  it("gives the pieces of the decoded text", () => {
    for (const { ids, decoded, skipped } of goldenEncodings("qwen")) {
      for (const skipSpecialTokens of [false, true]) {
        const stream = new StreamDecoder(tokenizer, { skipSpecialTokens });
        const pieces = ids.map((id) => stream.push(id));
        assert.equal(pieces.join("") + stream.flush(), skipSpecialTokens ? skipped : decoded);
      }
    }
  });

  it("never gives a part of a character", () => {
    const stream = new StreamDecoder(tokenizer);
    const ids = tokenizer.encode("é日😀!");
    assert.ok(ids.length > 4, "the characters are several tokens each");
    const pieces = ids.map((id) => stream.push(id)).filter((piece) => piece !== "");
    assert.deepEqual(pieces, ["é", "日", "😀", "!"]);
    assert.equal(stream.flush(), "");
  });

  it("gives a cut character at the end, marked", () => {
    const stream = new StreamDecoder(tokenizer);
    const [first] = tokenizer.encode("😀");
    assert.equal(stream.push(first!), "");
    assert.equal(stream.flush(), "\ufffd");
  });
});
