/** What front ends ask while a person writes, completion and inspection, in the protocol's words and positions. */
import type { NotebookCells } from "../magics/cells.js";
import { asNumber, asString, type JsonObject } from "../protocol/messages.js";
import { toCodePoints, toUnits } from "./codePoints.js";

type Reply = JsonObject & { status: "ok" };

export async function complete(cells: NotebookCells, content: JsonObject): Promise<Reply> {
  const { code, position } = cursorOf(content);
  const { start, end, items } = await cells.complete(code, position);
  const [from, to] = [toCodePoints(code, start), toCodePoints(code, end)];
  return {
    status: "ok",
    matches: items.map(({ name }) => name),
    cursor_start: from,
    cursor_end: to,
    metadata: {
      // The name is IPython's, by which front ends know it.
      _jupyter_types_experimental: items.map(({ name, kind, signature = "" }) => ({
        text: name,
        type: kind,
        signature,
        start: from,
        end: to,
      })),
    },
  };
}

export async function inspect(cells: NotebookCells, content: JsonObject): Promise<Reply> {
  const { code, position } = cursorOf(content);
  const found = await cells.inspect(code, position, content.detail_level === 1);
  const data: JsonObject = found === undefined ? {} : { "text/plain": found.text, "text/markdown": found.markdown };
  return { status: "ok", found: found !== undefined, data, metadata: {} };
}

function cursorOf(content: JsonObject): { code: string; position: number } {
  const code = asString(content.code);
  return { code, position: toUnits(code, asNumber(content.cursor_pos, code.length)) };
}
