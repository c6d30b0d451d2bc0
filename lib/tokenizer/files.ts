/** The files that a tokenizer is made of in a Hugging Face folder, read and checked. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "../errors.js";

/** Every file that a tokenizer may consist of; all that exist are saved back. */
export const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
  "vocab.json",
  "merges.txt",
  "tokenizer.model",
] as const;

export interface TokenizerFiles {
  readonly json: object;
  /** tokenizer_config.json over special_tokens_map.json; empty when there is neither. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly chatTemplate: string | null;
  /** The bytes of the files that are there, by name. */
  readonly bytes: ReadonlyMap<string, Uint8Array>;
}

export async function readTokenizerFiles(dir: string): Promise<TokenizerFiles> {
  const bytes = new Map<string, Uint8Array>();
  for (const name of TOKENIZER_FILES) {
    if (existsSync(join(dir, name))) bytes.set(name, await readFile(join(dir, name)));
  }
  if (!bytes.has("tokenizer.json")) {
    fail(`${dir} has no tokenizer.json.`, {
      hint: bytes.has("tokenizer.model")
        ? "Its tokenizer.model is in SentencePiece's format: save it as a fast tokenizer first."
        : "Give the folder of a model with its tokenizer.",
    });
  }
  const json = parseObject(dir, "tokenizer.json", bytes);
  const config = {
    ...parseObject(dir, "special_tokens_map.json", bytes),
    ...parseObject(dir, "tokenizer_config.json", bytes),
  };
  const jinja = bytes.get("chat_template.jinja");
  const chatTemplate = jinja ? new TextDecoder().decode(jinja) : defaultTemplate(config.chat_template);
  return { json, config, chatTemplate, bytes };
}

/** The text of a token that a configuration gives as a string or as an AddedToken. */
export function tokenText(value: unknown): string | null {
  if (typeof value === "string") return value;
  const content = (value as { content?: unknown } | null | undefined)?.content;
  return typeof content === "string" ? content : null;
}

function parseObject(dir: string, name: string, bytes: ReadonlyMap<string, Uint8Array>): Record<string, unknown> {
  const content = bytes.get(name);
  if (!content) return {};
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(content));
  } catch (cause) {
    return fail(`${join(dir, name)} is not JSON.`, { cause, hint: "Download it again." });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    fail(`${join(dir, name)} is not a JSON object.`, { hint: "Download it again." });
  }
  return value as Record<string, unknown>;
}

/** A template may be a string, or a list of named ones of which "default" counts. */
function defaultTemplate(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return null;
  const named = value as { name?: unknown; template?: unknown }[];
  const template = (named.find(({ name }) => name === "default") ?? named[0])?.template;
  return typeof template === "string" ? template : null;
}
