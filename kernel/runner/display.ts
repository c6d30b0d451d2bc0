/** What cells show besides text: display, clearOutput, page, and the display hook that the library finds. */
import type { JsonObject, MimeBundle } from "../protocol/messages.js";
import { sendMessage } from "./channel.js";
import { isBundle, toBundle } from "./mime.js";
import { portable } from "./portable.js";
import { currentCell, type RunningCell, runIn } from "./running.js";

export interface DisplayOptions {
  displayId?: string;
  update?: boolean;
  metadata?: JsonObject;
  raw?: boolean;
}

/** Shows a MIME bundle in the output of the cell that runs now. */
export function displayBundle(data: MimeBundle, options: DisplayOptions = {}, cell = currentCell()): void {
  sendMessage({
    type: "display",
    cell: cell?.id ?? 0,
    data,
    metadata: options.metadata ?? {},
    update: options.update ?? false,
    ...(options.displayId !== undefined && { displayId: options.displayId }),
  });
}

export function display(value: unknown, options: DisplayOptions = {}): void {
  if (options.raw || isBundle(value)) {
    displayBundle(portable(value as MimeBundle), options);
    return;
  }
  const cell = currentCell();
  const pending = toBundle(value).then((bundle) => displayBundle(bundle, options, cell));
  if (cell === undefined) return;
  const others = pendingDisplays.get(cell);
  if (others === undefined) pendingDisplays.set(cell, [pending]);
  else others.push(pending);
}

const pendingDisplays = new WeakMap<RunningCell, Promise<void>[]>();

/** Resolves when everything that the cell has shown is on its way. */
export async function displaysOf(cell: RunningCell): Promise<void> {
  const pending = pendingDisplays.get(cell) ?? [];
  pendingDisplays.delete(cell);
  await runIn(cell, () => Promise.all(pending));
}

export function clearOutput(wait = false): void {
  sendMessage({ type: "clear", cell: currentCell()?.id ?? 0, wait });
}

export function page(text: string): void {
  currentCell()?.payload.push({ source: "page", start: 0, data: { "text/plain": String(text) } });
}

/** `globalThis[Symbol.for("tunelab.display")]`: how the library shows charts without knowing the kernel. */
export function displayHook(
  bundle: { data: MimeBundle; metadata?: JsonObject },
  options: { displayId?: string; update?: boolean } = {},
): void {
  displayBundle(bundle.data, { ...options, ...(bundle.metadata && { metadata: bundle.metadata }) });
}
