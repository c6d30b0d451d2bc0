import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { type Outgoing, Wire, WireError } from "../../../kernel/protocol/wire.js";

const KEY = { key: "secret", digest: "sha256" };
const MESSAGE: Outgoing = { type: "status", content: { execution_state: "idle" }, parent: {} };
const frames = (wire: Wire, message = MESSAGE) => wire.encode([], message).map((frame) => Buffer.from(frame));

describe("the wire format", () => {
  it("signs header, parent, metadata and content", () => {
    const [delimiter, signature, ...parts] = frames(new Wire(KEY));
    assert.equal(delimiter?.toString(), "<IDS|MSG>");
    const expected = createHmac("sha256", KEY.key)
      .update(Buffer.concat(parts.slice(0, 4)))
      .digest("hex");
    assert.equal(signature?.toString(), expected);
  });

  it("reads what it writes: identities, content, binary buffers", () => {
    const buffers = [Buffer.from([0, 255, 1]), Buffer.alloc(0)];
    const identities = [Buffer.from("a"), Buffer.from([0, 1])];
    const sender = new Wire(KEY);
    const sent = sender.encode(identities, { ...MESSAGE, buffers }).map((frame) => Buffer.from(frame));
    const received = new Wire(KEY).decode(sent);
    assert.deepEqual(received.identities, identities);
    assert.deepEqual(received.content, MESSAGE.content);
    assert.deepEqual(received.buffers, buffers);
    assert.equal(received.header.session, sender.session);
    assert.equal(received.header.version, "5.6");
  });

  it("joins the pieces of a text", () => {
    const pieces = ["", 'a "quoted" \\ud800\n', "é🎉\u0001", "\ud83c"];
    const message = { type: "stream", content: { name: "stdout" }, text: pieces, parent: {} };
    const sent = frames(new Wire(KEY), message);
    const { content } = new Wire(KEY).decode(sent);
    assert.deepEqual(content, { name: "stdout", text: 'a "quoted" \\ud800\né🎉\u0001\ufffd' });
    const empty = frames(new Wire(KEY), { ...message, text: [] });
    assert.deepEqual(new Wire(KEY).decode(empty).content, { name: "stdout", text: "" });
  });

  it("leaves the signature empty without a key, and then asks for none", () => {
    const open = { key: "", digest: "sha256" };
    const sent = frames(new Wire(open));
    assert.equal(sent[1]?.length, 0);
    assert.equal(new Wire(open).decode(sent).header.msg_type, "status");
  });

  it("follows the signature scheme", () => {
    assert.equal(frames(new Wire({ key: "k", digest: "sha512" }))[1]?.length, 128);
  });

  const damages: Record<string, (frames: Buffer[]) => Buffer[]> = {
    "a forged signature": (f) => [f[0]!, Buffer.from("0".repeat(64)), ...f.slice(2)],
    "a short signature": (f) => [f[0]!, Buffer.from("ab"), ...f.slice(2)],
    "changed content": (f) => [...f.slice(0, 5), Buffer.from("{}")],
    "no delimiter": (f) => f.slice(1),
    "missing frames": (f) => f.slice(0, 4),
    "nothing at all": () => [],
  };
  for (const [name, damage] of Object.entries(damages)) {
    it(`refuses ${name}`, () => {
      assert.throws(() => new Wire(KEY).decode(damage(frames(new Wire(KEY)))), WireError);
    });
  }

  it("refuses a message that it has read before", () => {
    const wire = new Wire(KEY);
    const sent = frames(new Wire(KEY));
    wire.decode(sent);
    assert.throws(() => wire.decode(sent), /used before/);
  });

  it("refuses frames that are no JSON objects, even well signed", () => {
    for (const text of ["not json", "[]", "null", "1"]) {
      const parts = ['{"msg_type":"x","msg_id":"1"}', "{}", "{}", text].map((part) => Buffer.from(part));
      const signature = Buffer.from(createHmac("sha256", KEY.key).update(Buffer.concat(parts)).digest("hex"));
      assert.throws(() => new Wire(KEY).decode([Buffer.from("<IDS|MSG>"), signature, ...parts]), WireError);
    }
  });
});
