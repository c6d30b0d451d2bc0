/** Stopping where an exception is thrown: which are wanted, and what the last one was. */
import type { Json, JsonObject } from "../../protocol/messages.js";
import { asObject, asString } from "../../protocol/messages.js";
import type { Inspector } from "./inspector.js";

/** `exceptionBreakpointFilters` of the capabilities. */
export const EXCEPTION_FILTERS = [
  { filter: "uncaught", label: "Uncaught exceptions", description: "Stop at exceptions that would end the cell" },
  { filter: "all", label: "All exceptions", description: "Stop at every exception, also where it is caught" },
];
const NAMES = EXCEPTION_FILTERS.map(({ filter }) => filter);

export class Exceptions {
  readonly #inspector: Inspector;
  #state: "none" | "uncaught" | "all" = "none";
  #last: JsonObject | undefined;

  constructor(inspector: Inspector) {
    this.#inspector = inspector;
  }

  /** Whether cells are to run so that the inspector can tell which exceptions are uncaught. */
  get uncaught(): boolean {
    return this.#state === "uncaught";
  }

  want(filters: readonly Json[]): JsonObject[] {
    this.#state = filters.includes("all") ? "all" : filters.includes("uncaught") ? "uncaught" : "none";
    return filters.map((filter) =>
      typeof filter === "string" && NAMES.includes(filter)
        ? { verified: true }
        : { verified: false, message: `There is no filter "${String(filter)}", only ${NAMES.join(" and ")}.` },
    );
  }

  async apply(): Promise<void> {
    await this.#inspector.post("Debugger.setPauseOnExceptions", { state: this.#state });
  }

  clear(): void {
    this.#state = "none";
  }

  /** Notes what the runner stopped for. Returns false for an interrupt, which is nobody's mistake. */
  stopped(thrown: JsonObject | undefined): boolean {
    this.#last = thrown;
    return thrown?.className !== "KeyboardInterrupt";
  }

  goneOn(): void {
    this.#last = undefined;
  }

  /** The body of exceptionInfo. */
  info(): JsonObject {
    const thrown = this.#last;
    if (thrown === undefined) throw new Error("The cell does not stand at an exception.");
    const { className, description, value } = thrown;
    const text = asString(description) || JSON.stringify(value ?? null);
    const [first = "", ...rest] = text.split("\n");
    const typeName = asString(className) || typeof value;
    return {
      exceptionId: typeName,
      description: first,
      breakMode: this.#state === "all" ? "always" : "unhandled",
      details: { message: first.replace(/^[\w$.]+: /, ""), typeName, stackTrace: rest.join("\n") },
    };
  }
}

/** What was thrown, of a Debugger.paused event; undefined when it stopped for something else. */
export function thrownBy({ reason, data }: JsonObject): JsonObject | undefined {
  return reason === "exception" || reason === "promiseRejection" ? asObject(data) : undefined;
}
