/** Split names with slices, as datasets' load_dataset(split=...) reads them: `train[0:500]`, `train[:10%]+test`. */
import { fail, suggestion } from "../errors.js";

/** Rows `start` up to, not including, `end` of one split. */
export interface SplitRange {
  readonly split: string;
  readonly start: number;
  readonly end: number;
}

interface Instruction {
  readonly split: string;
  readonly from: number | null;
  readonly to: number | null;
  readonly percent: boolean;
  /** Percentages count whole hundredths of the split, so that 5 % is five times 1 %. */
  readonly dropRemainder: boolean;
}

const PART =
  /^(?<split>\w+(?:\.\w+)*)(?<slice>\[(?:(?<from>-?[\d_]+)(?<fromPercent>%)?)?:(?:(?<to>-?[\d_]+)(?<toPercent>%)?)?\])?(?:\((?<rounding>[^)]*)\))?$/;

/** The names of the splits that `spec` reads. */
export function splitNames(spec: string): string[] {
  return [...new Set(parse(spec).map(({ split }) => split))];
}

/**
 * The ranges of rows that `spec` stands for.
 * @param sizes number of rows of each split
 */
export function resolveSplits(spec: string, sizes: ReadonlyMap<string, number>): SplitRange[] {
  return parse(spec).map((instruction) => {
    const { split, from, to } = instruction;
    const rows = sizes.get(split);
    if (rows === undefined) unknownSplit(split, [...sizes.keys()]);
    const start = from === null ? 0 : position(from, instruction, rows);
    const end = to === null ? rows : position(to, instruction, rows);
    return { split, start: Math.min(start, rows), end: Math.max(Math.min(start, rows), Math.min(end, rows)) };
  });
}

export function unknownSplit(split: string, known: readonly string[]): never {
  return fail(`Unknown split "${split}".`, { hint: suggestion(split, known) });
}

function parse(spec: string): Instruction[] {
  return spec
    .trim()
    .split(/\s*\+\s*/)
    .map((part) => {
      const groups = PART.exec(part)?.groups;
      if (!groups) {
        fail(`The split "${part}" cannot be read.`, {
          hint: "Write a name with an optional slice, such as train, train[0:500], train[:10%] or train+test.",
        });
      }
      const { split, from, to, fromPercent, toPercent, rounding } = groups;
      if (rounding !== undefined && rounding !== "closest" && rounding !== "pct1_dropremainder") {
        fail(`Unknown rounding "${rounding}" in the split "${part}".`, { hint: "Use closest or pct1_dropremainder." });
      }
      const instruction = {
        split: split!,
        from: wholeNumber(from),
        to: wholeNumber(to),
        percent: Boolean(fromPercent || toPercent),
        dropRemainder: rounding === "pct1_dropremainder",
      };
      for (const bound of instruction.percent ? [instruction.from, instruction.to] : []) {
        if (bound !== null && Math.abs(bound) > 100)
          fail(`The split "${part}" asks for ${bound} %, outside -100 to 100.`);
      }
      return instruction;
    });
}

function wholeNumber(text: string | undefined): number | null {
  return text === undefined ? null : Number(text.replaceAll("_", ""));
}

/** A bound as a row number; negative ones count from the end. */
function position(bound: number, { percent, dropRemainder }: Instruction, rows: number): number {
  if (percent && dropRemainder && rows < 100) {
    fail(`pct1_dropremainder needs at least 100 rows, the split has ${rows}.`);
  }
  const at = percent ? (dropRemainder ? bound * Math.trunc(rows / 100) : roundHalfEven((bound * rows) / 100)) : bound;
  return at < 0 ? Math.max(rows + at, 0) : at;
}

/** Python's round(). */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}
