// The stored model and tokenizer: sizes that NF4 can take, ids that equal those of the Python tokenizer.
import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import { type MedicalRow, trainingText, trainPromptStyle } from "../../notebooks/embedded/template.js";

const embedded = join(import.meta.dirname, "..", "..", "notebooks", "embedded");
const readJson = <T>(...path: string[]) => JSON.parse(readFileSync(join(embedded, ...path), "utf8")) as T;
const tokenizer = new Tokenizer(readJson("model", "tokenizer.json"), readJson("model", "tokenizer_config.json"));
const config = readJson<Record<string, number | string | boolean>>("model", "config.json");

describe("embedded tokenizer", () => {
  const golden = JSON.parse(readFileSync(join(import.meta.dirname, "embedded-golden-ids.json"), "utf8")) as {
    text: string;
    ids: number[];
  }[];

  it("gives the ids of the Python tokenizer and gives the text back", () => {
    for (const { text, ids } of golden) {
      assert.deepEqual(tokenizer.encode(text).ids, ids, JSON.stringify(text));
      if (ids.length === 0) continue;
      assert.equal(
        tokenizer.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false }),
        text.normalize("NFC"),
      );
    }
  });

  it("keeps each word of the prompt template whole", () => {
    const text = trainPromptStyle.replaceAll("{}", "");
    const words = text.match(/[A-Za-z]+/g)!;
    assert.ok(tokenizer.encode(text).ids.length < words.length + 20);
  });

  it("keeps training texts short", () => {
    const lines = readFileSync(join(embedded, "data", "train.jsonl"), "utf8")
      .split("\n")
      .slice(0, 200);
    const lengths = lines.map((line) => tokenizer.encode(trainingText(JSON.parse(line) as MedicalRow)).ids.length + 1);
    assert.ok(Math.max(...lengths) < 300);
  });

  it("has an end-of-text token that is not the padding token", () => {
    assert.deepEqual(tokenizer.encode("<|endoftext|><|pad|>").ids, [config.eos_token_id, config.pad_token_id]);
    assert.notEqual(config.eos_token_id, config.pad_token_id);
  });
});

describe("embedded model", () => {
  it("is a Qwen2 whose matrices split into NF4 blocks of 64", () => {
    assert.deepEqual([config.model_type, config.tie_word_embeddings], ["qwen2", true]);
    for (const name of ["hidden_size", "intermediate_size"]) assert.equal(Number(config[name]) % 64, 0);
  });

  it("stores what config.json promises", () => {
    const file = openSync(join(embedded, "model", "model.safetensors"), "r");
    const length = Buffer.alloc(8);
    readSync(file, length, 0, 8, 0);
    const header = Buffer.alloc(Number(length.readBigUInt64LE()));
    readSync(file, header, 0, header.length, 8);
    closeSync(file);
    const tensors = JSON.parse(header.toString()) as Record<string, { dtype: string; shape: number[] }>;
    assert.deepEqual(tensors["model.embed_tokens.weight"]!.shape, [config.vocab_size, config.hidden_size]);
    assert.equal(tensors["model.layers.0.self_attn.q_proj.bias"]!.dtype, "BF16");
    const layers = new Set(Object.keys(tensors).flatMap((name) => /layers\.(\d+)\./.exec(name)?.[1] ?? []));
    assert.equal(layers.size, config.num_hidden_layers);
  });

  it("takes at most 25 MB of the repository, data and recipe included", () => {
    const files = readdirSync(embedded, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const bytes = files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
    assert.ok(bytes < 25_000_000);
  });
});
