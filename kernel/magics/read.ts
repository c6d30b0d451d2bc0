/**
 * The lines that begin with % at the head of a cell: what they ask for, and the text below them, whose lines and columns
 * stay those of the cell.
 */
import { fail, nearest } from "../../lib/errors.js";
import { wayInstead } from "./elsewhere.js";
import { CELL_MAGICS, CHECK_LEVELS, type CheckLevel, isCheckLevel } from "./names.js";

interface Head {
  /** Print how long the cell took. */
  time: boolean;
  /** `%%check`: what type errors do in this cell. */
  check?: CheckLevel;
  /** `%check`: what they do from this cell on; "show" asks what they do now. */
  setCheck?: CheckLevel | "show";
}

export interface ShellCell {
  kind: "shell";
  program: "sh" | "bash";
  /** Options of the shell, such as -e. */
  flags: string[];
  /** The cell ends well whatever the exit status. */
  mayFail: boolean;
  script: string;
}

export interface HtmlCell {
  kind: "html";
  html: string;
  /** Shown in a frame of its own, so that its styles stay there. */
  isolated: boolean;
}

/** What a cell is, by its magics: TypeScript unless they say otherwise. */
export type CellRequest = Head & ({ kind: "typescript"; code: string } | ShellCell | HtmlCell);

/** Reads a cell's magics; an unknown one, or an argument that it does not take, is an error that names what there is. */
export function readCell(source: string): CellRequest {
  const head: Head = { time: false };
  let start = 0;
  while (start < source.length) {
    const end = source.indexOf("\n", start) < 0 ? source.length : source.indexOf("\n", start) + 1;
    const line = source.slice(start, end).trim();
    if (line !== "" && !line.startsWith("%")) break;
    start = end;
    if (line === "") continue;
    const [, percent = "", name = "", rest = ""] = /^(%+)\s*(\S*)\s*(.*)$/s.exec(line) ?? [];
    const words = rest === "" ? [] : rest.split(/\s+/);
    if (percent === "%") {
      readLineMagic(name, words, head);
    } else if (name === "sh" || name === "bash") {
      return { ...head, ...readShell(name, words), script: blanked(source, start) };
    } else if (name === "html") {
      const unknown = words.find((word) => word !== "--isolated");
      if (unknown !== undefined) refuse(`%%html does not take "${unknown}".`, "It takes --isolated or nothing.");
      return { ...head, kind: "html", html: source.slice(start), isolated: words.length > 0 };
    } else {
      readPrefix(name, words, head);
    }
  }
  return { ...head, kind: "typescript", code: start === 0 ? source : blanked(source, start) };
}

function readLineMagic(name: string, words: string[], head: Head): void {
  if (name !== "check") {
    unknownMagic(`%${name}`);
  }
  head.setCheck = words.length === 0 ? "show" : readLevel("%check", words);
}

function readPrefix(name: string, words: string[], head: Head): void {
  if (name === "time") {
    if (words.length > 0) {
      refuse(`%%time does not take "${words.join(" ")}".`, "It times the lines below it.");
    }
    head.time = true;
  } else if (name === "check") {
    head.check = readLevel("%%check", words);
  } else {
    unknownMagic(`%%${name}`);
  }
}

function readLevel(magic: string, [level = "", ...more]: string[]): CheckLevel {
  if (isCheckLevel(level) && more.length === 0) return level;
  const given = [level, ...more].join(" ");
  refuse(
    given === "" ? `${magic} needs a level.` : `${magic} does not take "${given}".`,
    `Write ${CHECK_LEVELS.map((one) => `${magic} ${one}`).join(" or ")}.`,
  );
}

function readShell(program: "sh" | "bash", words: string[]): Omit<ShellCell, "script"> {
  const flags: string[] = [];
  let mayFail = false;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string;
    if (word === "--no-raise-error") mayFail = true;
    else if (/^[-+][abefhmnuvxBCEHT]+$/.test(word)) flags.push(word);
    else if (/^[-+][abefhmnuvxBCEHT]*o$/.test(word) && words[index + 1]) flags.push(word, words[++index] as string);
    else {
      refuse(
        `%%${program} does not take "${word}".`,
        "It takes the shell's options, such as -e or -o pipefail, and --no-raise-error; " +
          "a value reaches the shell as process.env.NAME, and output reaches TypeScript through node:child_process.",
      );
    }
  }
  return { kind: "shell", program, flags, mayFail };
}

/** The error for a magic that does not exist, or not in this form. */
export function unknownMagic(magic: string): never {
  const name = magic.replace(/^%+\s*/, "");
  const way = wayInstead(name);
  if (way !== undefined) refuse(`There is no ${magic}.`, way);
  const best = nearest(name, CELL_MAGICS);
  const guess = best === undefined ? "" : `Did you mean %%${best}, in the first line of the cell? `;
  refuse(`There is no ${magic}.`, `${guess}There are ${CELL_MAGICS.map((name) => `%%${name}`).join(", ")} and %check.`);
}

/** The source with everything before `start` but the line ends turned into spaces. */
function blanked(source: string, start: number): string {
  return source.slice(0, start).replaceAll(/[^\r\n]/g, " ") + source.slice(start);
}

function refuse(message: string, hint: string): never {
  fail(message, { hint });
}
