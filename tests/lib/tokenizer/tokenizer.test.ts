import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { Tokenizer, type TokenizerLike } from "../../../lib/tokenizer/tokenizer.js";
import { temporaryDirectory } from "../formats/temporaryDirectory.js";
import { goldenDirectory, goldenEncodings } from "./golden.js";

let qwen: TokenizerLike;
let bos: TokenizerLike;

before(async () => {
  qwen = await Tokenizer.fromDirectory(goldenDirectory("qwen"));
  bos = await Tokenizer.fromDirectory(goldenDirectory("bos"));
});

describe("Tokenizer", () => {
  for (const name of ["qwen", "bos", "spaces"] as const) {
    it(`encodes and decodes as Python's tokenizers do (${name})`, async () => {
      const tokenizer = await Tokenizer.fromDirectory(goldenDirectory(name));
      for (const { text, ids, decoded, skipped } of goldenEncodings(name)) {
        assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
        assert.equal(tokenizer.decode(ids), decoded);
        assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), skipped);
      }
    });
  }

  it("gives the same ids from its cache, and linear time for a long text", () => {
    const { text, ids } = goldenEncodings("qwen").find(({ text }) => text.startsWith("We'll"))!;
    assert.deepEqual(qwen.encode(text), ids);
    const paragraph = "A woman of 61 years has had painless swelling of the nodes, with fever. ";
    const long = qwen.encode(paragraph.repeat(5000));
    assert.equal(qwen.decode(long), paragraph.repeat(5000));
  });

  it("knows its special tokens, ids and sizes", () => {
    assert.equal(qwen.eosToken, "<|end|>");
    assert.deepEqual(qwen.encode(qwen.eosToken), [qwen.eosTokenId]);
    assert.equal(qwen.padToken, "<|im_end|>");
    assert.equal(qwen.bosToken, null);
    assert.equal(qwen.bosTokenId, null);
    assert.equal(qwen.modelMaxLength, 2048);
    assert.equal(qwen.convertTokensToIds("</think>"), qwen.vocabSize - 1);
    assert.deepEqual(qwen.convertIdsToTokens([qwen.eosTokenId, qwen.vocabSize]), ["<|end|>", undefined]);
    assert.equal(bos.bosToken, "<|im_start|>");
    assert.equal(bos.padTokenId, bos.eosTokenId, "the pad token falls back to EOS");
    assert.equal(bos.modelMaxLength, Number.POSITIVE_INFINITY);
  });

  it("leaves the special tokens out when told to", () => {
    assert.equal(bos.encode("Hello")[0], bos.bosTokenId);
    assert.deepEqual(bos.encode("Hello", { addSpecialTokens: false }), bos.encode("Hello").slice(1));
  });

  it("drops ids outside the vocabulary, and decodes nothing to nothing", () => {
    assert.equal(qwen.decode([]), "");
    assert.equal(qwen.decode([...qwen.encode("ab"), 999_999]), "ab");
    assert.deepEqual(qwen.batchDecode([qwen.encode("a"), Int32Array.from(qwen.encode("b c"))]), ["a", "b c"]);
  });

  it("shows itself in a notebook by its facts", () => {
    assert.match(inspect(qwen), /^Tokenizer\(vocabSize: \d+, eosToken: "<\|end\|>"/);
  });

  it("refuses what is not text", () => {
    assert.throws(() => qwen.encode(null as unknown as string), /takes text, got null/);
    assert.throws(() => qwen([1] as unknown as string[]), /takes text, got 1\./);
  });
});

describe("calling a tokenizer", () => {
  it("pads rows on the left to the longest, with a mask", () => {
    const { inputIds, attentionMask } = qwen(["Hello world and more", "Hello"]);
    const short = qwen.encode("Hello");
    const missing = inputIds[0]!.length - short.length;
    assert.ok(missing > 0);
    assert.deepEqual(inputIds[1], [...new Array<number>(missing).fill(qwen.padTokenId), ...short]);
    assert.deepEqual(attentionMask[1], [...new Array<number>(missing).fill(0), ...short.map(() => 1)]);
    assert.ok(attentionMask[0]!.every((bit) => bit === 1));
  });

  it("pads on the right, to a length, or not at all", async () => {
    const right = await Tokenizer.fromDirectory(goldenDirectory("qwen"));
    right.paddingSide = "right";
    assert.equal(right(["Hello world", "a"]).inputIds[1]!.at(-1), right.padTokenId);
    assert.equal(right(["a"], { padding: "maxLength", maxLength: 7 }).inputIds[0]!.length, 7);
    assert.equal(qwen(["Hello world", "a"], { padding: false }).inputIds[1]!.length, 1);
    assert.equal(qwen(["a"], { padding: "max_length", maxLength: 7 }).inputIds[0]!.length, 7);
    assert.throws(() => bos(["a"], { padding: "maxLength" }), /needs a maxLength/);
  });

  it("truncates, special tokens included", () => {
    const { inputIds } = bos(["Hello world and more"], { truncation: true, maxLength: 3 });
    assert.deepEqual(inputIds[0], bos.encode("Hello world and more").slice(0, 3));
    assert.equal(inputIds[0]![0], bos.bosTokenId);
    assert.throws(
      () => qwen(["a"], { truncation: true, maxLength: 0 }),
      /maxLength is 0, not an integer of at least 1/,
    );
  });

  it("takes one text as a list of one, and an empty list", () => {
    assert.deepEqual(qwen("Hello"), qwen(["Hello"]));
    assert.deepEqual(qwen([]), { inputIds: [], attentionMask: [] });
  });

  it("refuses values that it would not keep to", async () => {
    const call = (texts: unknown, options?: object) => () => qwen(texts as string, options);
    assert.throws(call("a", { padding: "max" }), /padding is "max"\. Use true, false, "longest" or "maxLength"/);
    assert.throws(call("a", { truncation: "longest_first" }), /truncation is "longest_first"/);
    assert.throws(call("a", { maxLength: 2.5 }), /maxLength is 2\.5/);
    assert.throws(call({ text: "a" }), /a text or a list of texts, got an object/);
    assert.throws(call("a", { return_tensors: "pt" }), /no option "return_tensors".*rows of ids are arrays/);
    const middle = await Tokenizer.fromDirectory(goldenDirectory("qwen"));
    middle.paddingSide = "middle" as "left";
    assert.throws(() => middle(["a", "a b"]), /paddingSide is "middle"/);
  });

  it("names the nearest option when one is misspelt", () => {
    assert.throws(
      () => qwen(["a"], { max_length: 3 } as object),
      /Unknown option "max_length".*Did you mean "maxLength"/,
    );
  });
});

describe("chat templates", () => {
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: " Hi! " },
  ];

  it("render like transformers, as text or ids", () => {
    const text = qwen.applyChatTemplate(messages, { addGenerationPrompt: true });
    assert.equal(
      text,
      "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi!<|im_end|>\n<|im_start|>assistant\n",
    );
    const ids = qwen.applyChatTemplate(messages, { addGenerationPrompt: true, tokenize: true });
    assert.deepEqual(ids, qwen.encode(text, { addSpecialTokens: false }));
  });

  it("say when there is none", () => {
    assert.throws(() => bos.applyChatTemplate(messages), /has no chat template\. Write the prompt as text/);
  });
});

describe("a tokenizer's files", () => {
  const path = temporaryDirectory();
  let copies = 0;

  /** A copy of a golden tokenizer with its configuration changed. */
  function changed(change: (config: Record<string, unknown>) => void): string {
    const dir = path(`copy-${copies++}`);
    cpSync(goldenDirectory("qwen"), dir, { recursive: true });
    const file = join(dir, "tokenizer_config.json");
    const config = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    change(config);
    writeFileSync(file, JSON.stringify(config));
    return dir;
  }

  it("are saved byte for byte", async () => {
    await qwen.savePretrained(path("saved"));
    assert.deepEqual(readdirSync(path("saved")), ["tokenizer.json", "tokenizer_config.json"]);
    for (const name of readdirSync(path("saved"))) {
      assert.deepEqual(readFileSync(path("saved", name)), readFileSync(join(goldenDirectory("qwen"), name)));
    }
  });

  it("may lack an EOS token until it is asked for", async () => {
    const tokenizer = await Tokenizer.fromDirectory(changed((config) => delete config.eos_token));
    assert.equal(tokenizer.decode(tokenizer.encode("Hello")), "Hello");
    assert.throws(() => tokenizer.eosToken, /names no eos_token.*Name one of its tokens as "eos_token"/);
    assert.throws(() => tokenizer.eosTokenId, /names no eos_token/);
  });

  it("may name their tokens in special_tokens_map.json, the template in chat_template.jinja", async () => {
    const dir = changed((config) => {
      delete config.eos_token;
      delete config.chat_template;
    });
    writeFileSync(join(dir, "special_tokens_map.json"), '{"eos_token": {"content": "<|im_end|>"}}');
    writeFileSync(join(dir, "chat_template.jinja"), "{{ eos_token }}{{ messages[0].content }}");
    const tokenizer = await Tokenizer.fromDirectory(dir);
    assert.equal(tokenizer.eosToken, "<|im_end|>");
    assert.equal(tokenizer.applyChatTemplate([{ role: "user", content: "x" }]), "<|im_end|>x");
  });

  it("are refused when a token is not in the vocabulary, when they are no JSON, or missing", async () => {
    const unknown = changed((config) => {
      config.eos_token = "<|nowhere|>";
    });
    await assert.rejects(Tokenizer.fromDirectory(unknown), /eos_token "<\|nowhere\|>" of .* is not in its vocabulary/);
    const broken = changed(() => undefined);
    writeFileSync(join(broken, "tokenizer.json"), '{"model"');
    await assert.rejects(Tokenizer.fromDirectory(broken), /tokenizer\.json is not JSON/);
    writeFileSync(join(broken, "tokenizer.json"), "{}");
    await assert.rejects(Tokenizer.fromDirectory(broken), /tokenizer\.json in .* cannot be used/);
    rmSync(join(broken, "tokenizer.json"));
    await assert.rejects(Tokenizer.fromDirectory(broken), /has no tokenizer\.json/);
    mkdirSync(path("sentencepiece"));
    writeFileSync(path("sentencepiece", "tokenizer.model"), "");
    await assert.rejects(Tokenizer.fromDirectory(path("sentencepiece")), /SentencePiece/);
  });
});
