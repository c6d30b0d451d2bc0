/** Where a line of the JavaScript came from: the part of a source map that tracebacks need. */

/** For each line of JavaScript: column and line (both zero-based) of the cell's source, in pairs by column. */
export type LineMap = number[][];

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Decodes a source map (revision 3). `shift` lines were put before the source and are taken off again. */
export function decodeLineMap(sourceMap: string, shift: number): LineMap {
  const { mappings } = JSON.parse(sourceMap) as { mappings: string };
  let sourceLine = 0;
  return mappings.split(";").map((line) => {
    const pairs: number[] = [];
    let column = 0;
    for (const segment of line.split(",")) {
      if (segment === "") continue;
      const [columnDelta = 0, , lineDelta] = decodeVlq(segment);
      column += columnDelta;
      if (lineDelta === undefined) continue;
      sourceLine += lineDelta;
      if (sourceLine >= shift) pairs.push(column, sourceLine - shift);
    }
    return pairs;
  });
}

/** The source line (zero-based) of a position in the JavaScript, or undefined for code that no source line made. */
export function sourceLineOf(map: LineMap, line: number, column: number): number | undefined {
  const pairs = map[line];
  if (pairs === undefined || pairs.length === 0) return undefined;
  let found = pairs[1];
  for (let index = 2; index < pairs.length && (pairs[index] ?? 0) <= column; index += 2) found = pairs[index + 1];
  return found;
}

/** Of JavaScript made in two steps: `second` leads to what `first` describes. Only lines are exact. */
export function composeLineMaps(first: LineMap, second: LineMap): LineMap {
  return second.map((pairs) => {
    const composed: number[] = [];
    for (let index = 0; index < pairs.length; index += 2) {
      const line = sourceLineOf(first, pairs[index + 1] ?? 0, 0);
      if (line !== undefined) composed.push(pairs[index] ?? 0, line);
    }
    return composed;
  });
}

/** Base64 VLQ: six bits a digit, the highest says that more follow, the lowest of the value is its sign. */
function decodeVlq(segment: string): number[] {
  const values: number[] = [];
  let value = 0;
  let shift = 0;
  for (const digit of segment) {
    const bits = DIGITS.indexOf(digit);
    value |= (bits & 31) << shift;
    if (bits & 32) {
      shift += 5;
    } else {
      values.push(value & 1 ? -(value >>> 1) : value >>> 1);
      value = 0;
      shift = 0;
    }
  }
  return values;
}
