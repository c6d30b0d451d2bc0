/**
 * Subshells (JEP 91) let a front end run a second cell while one runs. This kernel has none, and does not advertise
 * them: what they serve elsewhere (completion, inspection, comms of a busy kernel) it answers at any time, and two
 * cells at once would each be compiled against declarations that the other one is about to change.
 */
import type { Header, JsonObject, Message } from "../protocol/messages.js";

interface SubshellHeader extends Header {
  subshell_id?: string | null;
}

/** What stands in the way of a message for a subshell; undefined for one to the kernel itself. */
export function subshellError({ header }: Message): Error | undefined {
  const id = (header as SubshellHeader).subshell_id;
  if (id === undefined || id === null) return undefined;
  return named(`There is no subshell "${id}": this kernel has none. Send the request without a subshell_id.`);
}

export const subshellHandlers = {
  create_subshell_request(): never {
    throw named("This kernel has no subshells. Completion, inspection and comms are answered while a cell runs.");
  },
  delete_subshell_request({ content }: Message): never {
    throw named(`There is no subshell "${String(content.subshell_id)}": this kernel has none.`);
  },
  list_subshell_request(): JsonObject & { status: "ok" } {
    return { status: "ok", subshell_id: [] };
  },
};

function named(message: string): Error {
  return Object.assign(new Error(message), { name: "SubshellError" });
}
