// The recipe reruns to the same bytes, and nothing that a model is trained on gives a held-out case away.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { demoCase } from "../../notebooks/embedded/demoCase.js";
import {
  type Case,
  demo,
  drawCase,
  findingsOf,
  heldOutCases,
  revealsHeldOut,
  signature,
} from "../../notebooks/embedded/recipe/cases.js";
import { conditions } from "../../notebooks/embedded/recipe/content/conditions.js";
import { findings } from "../../notebooks/embedded/recipe/content/findings.js";
import { corpusDocument } from "../../notebooks/embedded/recipe/documents.js";
import { Random } from "../../notebooks/embedded/recipe/random.js";
import { heldOutSet, toJsonLines, trainingSet } from "../../notebooks/embedded/recipe/sets.js";
import type { MedicalRow } from "../../notebooks/embedded/template.js";

const data = join(import.meta.dirname, "..", "..", "notebooks", "embedded", "data");
const readText = (name: string) => readFileSync(join(data, name), "utf8");
const readRows = (name: string) =>
  readText(name)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as MedicalRow);

const training = trainingSet();
const heldOut = heldOutSet();
const corpus = Array.from({ length: 6000 }, (_, index) => corpusDocument(index));

describe("embedded recipe", () => {
  it("writes the stored question sets byte for byte", () => {
    assert.equal(toJsonLines(training), readText("train.jsonl"));
    assert.equal(toJsonLines(heldOut), readText("test.jsonl"));
  });

  it("writes the corpus that the tokenizer and the model were made from", () => {
    const digest = createHash("sha256").update(corpus.slice(0, 1000).join("\n")).digest("hex");
    assert.equal(digest, "07da4afafc580b754116fabe55de649e7889f4d35f56362c1bf2b684617cfe99");
    assert.equal(corpusDocument(123), corpus[123]);
  });

  it("keeps the article's schema, in enough different rows", () => {
    for (const [name, least] of [
      ["train.jsonl", 3000],
      ["test.jsonl", 300],
    ] as const) {
      const rows = readRows(name);
      assert.ok(rows.length >= least);
      assert.equal(new Set(rows.map((row) => row.Question)).size, rows.length);
      for (const row of rows) {
        assert.deepEqual(Object.keys(row), ["Question", "Complex_CoT", "Response"]);
        for (const text of Object.values(row)) assert.match(text, /^[A-Z].*[.?]$/);
        assert.doesNotMatch(JSON.stringify(row), /undefined|\{their|\{n:/);
      }
    }
  });

  it("shows every taught condition in the first 500 training rows and every condition in the first 100 held-out ones", () => {
    const taught = new Set(training.slice(0, 500).map(({ item }) => item.condition.name));
    assert.equal(taught.size, conditions.filter((condition) => !condition.heldOutOnly).length);
    assert.equal(new Set(heldOut.slice(0, 100).map(({ item }) => item.condition.name)).size, conditions.length);
  });

  it("gives each condition findings that exist, and each case findings of its condition", () => {
    for (const condition of conditions) {
      for (const id of findingsOf(condition)) assert.ok(id in findings, `${condition.name}: ${id}`);
    }
    for (const { item } of [...training, ...heldOut]) {
      for (const id of item.findings) assert.ok(findingsOf(item.condition).includes(id));
    }
  });

  it("has no question or answer form in the corpus", () => {
    for (const text of corpus)
      assert.doesNotMatch(text, /\?|### (Question|Response|Instruction)|Question:|most likely diagnosis/i);
  });
});

/** Finds findings in a text by their words, whatever the recipe says it wrote. */
function mentions(text: string, item: Case): boolean {
  return item.findings.every((id) => {
    const { name, wordings } = findings[id];
    return [name, ...wordings].some((words) => text.includes(plain(words)));
  });
}

/** Lower case, numbers and pronouns levelled, so that wordings with places can be compared. */
function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/\{n:\d+-\d+\}|\d+/g, "#")
    .replace(/\{their\}|\bhis\b|\bher\b/g, "their");
}

describe("embedded held-out cases", () => {
  const reserved = [demo, ...heldOutCases];

  it("share no case with the training rows, by signature", () => {
    const seen = new Set(training.map(({ item }) => signature(item)));
    assert.equal(seen.size, training.length);
    for (const item of reserved) assert.ok(!seen.has(signature(item)));
  });

  it("are never drawn for a training text, not even inside a larger case", () => {
    const random = new Random("test of drawCase");
    for (const { item } of training) assert.ok(!revealsHeldOut(item.condition, item.findings));
    for (let i = 0; i < 3000; i++) {
      const item = drawCase(random, random.pick(conditions), true);
      assert.ok(!revealsHeldOut(item.condition, item.findings));
    }
    assert.ok(revealsHeldOut(demo.condition, [...demo.findings, "fatigue"]));
  });

  it("appear in no training text, told from the words alone", () => {
    const texts = [...corpus, ...readRows("train.jsonl").map((row) => Object.values(row).join(" "))];
    let compared = 0;
    for (const text of texts.map(plain)) {
      for (const item of reserved) {
        if (!text.includes(item.condition.name.toLowerCase())) continue;
        compared++;
        // The test that confirms a condition may bear a finding's name (anti-dsDNA antibodies): it is no finding here.
        const told = text.replaceAll(plain(item.condition.confirm), "");
        assert.ok(!mentions(told, item), `${signature(item)} is told in: ${text}`);
      }
    }
    assert.ok(compared > 10_000);
    assert.ok(heldOut.every(({ item, row }) => mentions(plain(row.Question), item)));
  });

  it("hold all lymphoma cases and the article's, which no training row has", () => {
    for (const row of readRows("train.jsonl")) assert.doesNotMatch(row.Response, /lymphoma/);
    const answers = readRows("test.jsonl").filter((row) => row.Response.includes("Hodgkin lymphoma"));
    assert.ok(answers.length >= 20);
    assert.match(demoCase.Question, /42-year-old/);
    for (const text of [...readRows("train.jsonl"), ...readRows("test.jsonl")]) {
      assert.doesNotMatch(text.Question, /Emily/);
    }
  });
});
