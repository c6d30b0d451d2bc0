/** Cursor positions: the protocol counts Unicode code points, JavaScript counts UTF-16 units. */

/** UTF-16 offset of the code point number `position`. */
export function toUnits(text: string, position: number): number {
  let units = 0;
  for (let count = 0; count < position && units < text.length; count++) {
    units += (text.codePointAt(units) ?? 0) > 0xffff ? 2 : 1;
  }
  return units;
}

/** Number of code points before the UTF-16 offset `units`. */
export function toCodePoints(text: string, units: number): number {
  let count = 0;
  for (let at = 0; at < units && at < text.length; count++) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return count;
}
