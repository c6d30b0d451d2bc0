import assert from "node:assert/strict";
import { jsonBytes } from "../../../kernel/protocol/jsonText.js";

const read = (text: string) => JSON.parse(`"${Buffer.concat(jsonBytes(text)).toString("utf8")}"`);
const long = (character: string) => character.repeat(10_000);

describe("text as JSON in bytes", () => {
  it("escapes every character that JSON does, wherever it stands in long text", () => {
    for (let code = 0; code < 0x100; code++) {
      for (let place = 5000; place < 5008; place++) {
        const text = long("x").slice(0, place) + String.fromCharCode(code) + long("y");
        assert.equal(read(text), text);
      }
    }
  });

  it("takes long lines, short ones, nothing but escapes, and text of every script", () => {
    for (const line of ["", "a", '"', "\\", "\n", "\u0000", "é", "漢字", "😀", '{"a": "b\\n"}\r\n', `${long("z")}\n`]) {
      for (const text of [line, `${line}\n`, line.repeat(3), line.repeat(5000), `${long("x")}${line}`])
        assert.equal(read(text), text);
    }
  });

  it("keeps what stands next to each other in a word of memory apart", () => {
    const text = `${long("x")}"\\\n\u001f !#[]${long("y")}\u0001`;
    assert.equal(read(text), text);
  });

  it("replaces surrogates without a partner, which no UTF-8 has", () => {
    for (const around of ["", long("x"), '"'.repeat(10_000)])
      assert.equal(read(`${around}\ud83d${around}`), `${around}\ufffd${around}`);
  });

  it("leaves long text in one piece but for what is escaped in it", () => {
    assert.equal(jsonBytes(long("x")).length, 1);
    assert.equal(jsonBytes(`${long("x")}\n`).length, 3);
    assert.equal(jsonBytes(long('"')).length, 1);
  });
});
