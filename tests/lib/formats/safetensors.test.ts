import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SafetensorsFile } from "../../../lib/formats/safetensors.js";
import type { TensorEntry } from "../../../lib/formats/tensorEntry.js";
import { fromFloat32 } from "../../../lib/formats/toFloat32.js";
import { writeSafetensors } from "../../../lib/formats/writeSafetensors.js";
import { temporaryDirectory } from "./temporaryDirectory.js";

const golden = fileURLToPath(new URL("./golden/small.safetensors", import.meta.url));

function entriesOf(file: SafetensorsFile): TensorEntry[] {
  return file.names.map((name) => ({ name, ...file.info(name), data: file.read(name) }));
}

describe("SafetensorsFile", () => {
  const file = SafetensorsFile.open(golden);
  after(() => file.close());

  it("reads what Python's safetensors wrote", () => {
    assert.deepEqual(file.metadata, { format: "pt" });
    assert.deepEqual(file.info("b.bf16"), { dtype: "BF16", shape: [1, 3] });
    assert.deepEqual(file.readFloat32("b.bf16"), Float32Array.of(1.5, -2, 3.140625));
    assert.deepEqual(file.readFloat32("model.norm.weight"), Float32Array.of(0, 0.25, 0.5, 0.75, 1));
    assert.deepEqual(file.readFloat32("half"), Float32Array.of(65504, 2 ** -24, -0));
    assert.deepEqual(file.readFloat32("wide"), Float32Array.of(1 / 3));
    assert.deepEqual(file.readFloat32("scalar"), Float32Array.of(7));
    assert.deepEqual(file.info("empty").shape, [0, 4]);
    assert.equal(file.read("empty").length, 0);
    assert.deepEqual(file.read("bytes"), Uint8Array.of(1, 255));
  });

  it("names the nearest tensor when one is missing, and the dtype when it is no float", () => {
    assert.throws(
      () => file.info("model.norm.wieght"),
      /has no tensor "model\.norm\.wieght"\. Did you mean "model\.norm\.weight"/,
    );
    assert.throws(() => file.readFloat32("ids"), /tensor ids holds I64, not floating-point/);
  });

  it("says that it is closed", () => {
    const closed = SafetensorsFile.open(golden);
    closed.close();
    assert.throws(() => closed.read("half"), /is already closed/);
  });
});

describe("writeSafetensors", () => {
  const path = temporaryDirectory();

  it("writes the bytes that Python writes", async () => {
    const file = SafetensorsFile.open(golden);
    await writeSafetensors(path("same.safetensors"), entriesOf(file).reverse());
    file.close();
    assert.deepEqual(readFileSync(path("same.safetensors")), readFileSync(golden));
  });

  it("takes tensors from an async iterable and data from functions", async () => {
    async function* entries() {
      yield {
        name: "x",
        dtype: "BF16",
        shape: [2],
        data: async () => fromFloat32("BF16", Float32Array.of(1, 2)),
      } as const;
    }
    await writeSafetensors(path("lazy.safetensors"), entries());
    const file = SafetensorsFile.open(path("lazy.safetensors"));
    assert.deepEqual(file.readFloat32("x"), Float32Array.of(1, 2));
    file.close();
  });

  it("takes a tensor's bytes in pieces", async () => {
    async function* data() {
      for (const value of [1, 2, 3]) yield fromFloat32("F32", Float32Array.of(value));
    }
    await writeSafetensors(path("pieces.safetensors"), [{ name: "x", dtype: "F32", shape: [3], data }]);
    const file = SafetensorsFile.open(path("pieces.safetensors"));
    assert.deepEqual(file.readFloat32("x"), Float32Array.of(1, 2, 3));
    file.close();
    const short = { name: "x", dtype: "F32", shape: [4], data } as const;
    await assert.rejects(writeSafetensors(path("short.safetensors"), [short]), /needs 16 bytes, got 12/);
  });

  it("leaves the old file and nothing else when it fails", async () => {
    writeFileSync(path("kept.safetensors"), "old");
    const wrong = { name: "x", dtype: "F32", shape: [3], data: new Uint8Array(8) } as const;
    await assert.rejects(
      writeSafetensors(path("kept.safetensors"), [wrong]),
      /"x" of shape \[3\] and dtype F32 needs 12 bytes, got 8/,
    );
    assert.equal(readFileSync(path("kept.safetensors"), "utf8"), "old");
    assert.deepEqual(
      readdirSync(path()).filter((name) => name.includes("tmp")),
      [],
    );
  });

  it("refuses a name that stands twice", async () => {
    const entry = { name: "x", dtype: "U8", shape: [1], data: new Uint8Array(1) } as const;
    await assert.rejects(writeSafetensors(path("twice.safetensors"), [entry, entry]), /"x" would stand twice/);
  });
});

describe("a safetensors file that lies", () => {
  const path = temporaryDirectory();

  function fileWith(header: string | Uint8Array, data = new Uint8Array(0), length?: bigint): string {
    const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(length ?? BigInt(text.length));
    writeFileSync(path("lie.safetensors"), Buffer.concat([prefix, text, data]));
    return path("lie.safetensors");
  }
  function shortFile(): string {
    writeFileSync(path("short.safetensors"), "abc");
    return path("short.safetensors");
  }
  const tensor = (dtype: unknown, shape: unknown, offsets: unknown): string =>
    JSON.stringify({ dtype, shape, data_offsets: offsets });
  const eight = new Uint8Array(8);

  const lies: [string, () => string, RegExp][] = [
    ["three bytes", () => shortFile(), /has only 3 bytes/],
    [
      "a header longer than the file",
      () => fileWith("{}", eight, 1n << 40n),
      /header of 1099511627776 bytes does not fit/,
    ],
    ["a header length with the top bit set", () => fileWith("{}", eight, (1n << 63n) + 1n), /does not fit into/],
    ["a header that is not UTF-8", () => fileWith(Uint8Array.of(0x7b, 0xff, 0x7d)), /header is not UTF-8/],
    ["a header that is not JSON", () => fileWith("{oops"), /header is not JSON/],
    ["a list as header", () => fileWith("[]"), /not a JSON object/],
    [
      "metadata that are no strings",
      () => fileWith('{"__metadata__":{"a":1}}'),
      /__metadata__ is not a map of strings/,
    ],
    [
      "a name that stands twice",
      () => fileWith(`{"a":${tensor("F32", [1], [0, 4])},"a":${tensor("F32", [1], [4, 8])}}`, eight),
      /names "a" twice/,
    ],
    [
      "a name that stands twice, escaped",
      () => fileWith(`{"a":${tensor("F32", [1], [0, 4])},"\\u0061":${tensor("F32", [1], [4, 8])}}`, eight),
      /names "a" twice/,
    ],
    [
      "an unknown dtype",
      () => fileWith(`{"a":${tensor("F31", [1], [0, 4])}}`, eight),
      /"a" has the unknown dtype "F31"/,
    ],
    [
      "a dtype from Object.prototype",
      () => fileWith(`{"a":${tensor("toString", [1], [0, 4])}}`, eight),
      /unknown dtype "toString"/,
    ],
    ["a negative length", () => fileWith(`{"a":${tensor("F32", [-1], [0, 4])}}`, eight), /has the shape \[-1\]/],
    [
      "a length that is no number",
      () => fileWith(`{"a":${tensor("F32", ["2"], [0, 8])}}`, eight),
      /has the shape \["2"\]/,
    ],
    [
      "a length past exact integers",
      () => fileWith(`{"a":${tensor("F32", [2 ** 53, 2 ** 53], [0, 8])}}`, eight),
      /has the shape/,
    ],
    ["offsets backwards", () => fileWith(`{"a":${tensor("F32", [2], [8, 0])}}`, eight), /has the data offsets \[8,0\]/],
    [
      "three offsets",
      () => fileWith(`{"a":${tensor("F32", [2], [0, 4, 8])}}`, eight),
      /has the data offsets \[0,4,8\]/,
    ],
    [
      "a shape its bytes contradict",
      () => fileWith(`{"a":${tensor("F32", [3], [0, 8])}}`, eight),
      /"a" of shape \[3\] needs 12 bytes but has 8/,
    ],
    [
      "tensors that overlap",
      () => fileWith(`{"a":${tensor("F32", [2], [0, 8])},"b":${tensor("F32", [1], [4, 8])}}`, eight),
      /"b" overlaps the one before/,
    ],
    [
      "a gap between tensors",
      () => fileWith(`{"a":${tensor("F32", [1], [4, 8])}}`, eight),
      /4 bytes before "a" belong to no tensor/,
    ],
    [
      "data cut short",
      () => fileWith(`{"a":${tensor("F32", [4], [0, 16])}}`, eight),
      /need 16 bytes but only 8 follow the header, so it is truncated/,
    ],
    [
      "data too long",
      () => fileWith(`{"a":${tensor("F32", [1], [0, 4])}}`, eight),
      /4 bytes at its end belong to no tensor/,
    ],
    ["a tensor without description", () => fileWith('{"a":null}'), /"a" has no description/],
    ["no file", () => path("missing.safetensors"), /Cannot open .*missing\.safetensors/],
  ];
  for (const [what, make, message] of lies) {
    it(`is refused: ${what}`, () =>
      assert.throws(() => SafetensorsFile.open(make()), { name: "TunelabError", message }));
  }

  it("is refused or read, but never crashes, whatever byte is changed or cut", () => {
    const good = readFileSync(golden);
    const headerEnd = 8 + Number(good.readBigUInt64LE());
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let round = 0; round < 2000; round++) {
      const bad = Buffer.from(good.subarray(0, round % 5 === 0 ? random(good.length) : good.length));
      for (let change = random(3); change >= 0 && bad.length > 0; change--) {
        bad[random(Math.min(headerEnd, bad.length))] = random(256);
      }
      writeFileSync(path("fuzz.safetensors"), bad);
      try {
        const file = SafetensorsFile.open(path("fuzz.safetensors"));
        for (const name of file.names) file.read(name);
        file.close();
      } catch (error) {
        assert.equal((error as Error).name, "TunelabError", String((error as Error).stack));
      }
    }
  });
});
