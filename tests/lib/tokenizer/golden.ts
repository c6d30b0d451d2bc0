/** The small tokenizers of golden/ and what Python's tokenizers made of some texts (golden/make.py). */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Encoding {
  text: string;
  ids: number[];
  decoded: string;
  skipped: string;
}

export function goldenDirectory(name: "qwen" | "bos" | "spaces"): string {
  return fileURLToPath(new URL(`./golden/${name}`, import.meta.url));
}

export function goldenEncodings(name: "qwen" | "bos" | "spaces"): Encoding[] {
  return JSON.parse(readFileSync(`${goldenDirectory(name)}/encodings.json`, "utf8")) as Encoding[];
}
