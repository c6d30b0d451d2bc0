/** Evaluates what a person types or points at: in a frame, in the notebook, or across both. */
import type { JsonObject } from "../../protocol/messages.js";
import { asObject, asString } from "../../protocol/messages.js";
import { type RemoteObject, showRemote } from "../remoteObject.js";
import type { Inspector } from "./inspector.js";

export const SCOPE = 'globalThis[Symbol.for("tunelab.scope")]';
const MISSING = /^ReferenceError: (\S+) is not defined/;
/** More names than this of earlier cells are not looked for in one expression. */
const MAX_MISSING = 50;

export interface EvaluateOptions {
  callFrameId?: string | undefined;
  /** Refuse what would change anything, as for a value under the pointer. */
  pure?: boolean;
}

export class Expressions {
  readonly #inspector: Inspector;

  constructor(inspector: Inspector) {
    this.#inspector = inspector;
  }

  /** @throws what the expression throws, as one line */
  async evaluate(expression: string, { callFrameId, pure = false }: EvaluateOptions = {}): Promise<RemoteObject> {
    const more = { throwOnSideEffect: pure };
    const inFrame = (code: string) =>
      this.#inspector.post("Debugger.evaluateOnCallFrame", {
        callFrameId: callFrameId as string,
        expression: code,
        ...more,
      });
    const inNotebook = () =>
      this.#inspector.post("Runtime.evaluate", { expression: `with (${SCOPE}) { ${expression}\n}`, ...more });
    if (callFrameId === undefined) return result(await inNotebook());
    let answer = await inFrame(expression);
    if (missingName(answer) === undefined) return result(answer);
    // Names of earlier cells are known to the notebook's scope only.
    const notebook = await inNotebook();
    if (missingName(notebook) === undefined) return result(notebook);
    const names = new Set<string>();
    for (let name = missingName(answer); name !== undefined && !names.has(name); name = missingName(answer)) {
      if (names.size === MAX_MISSING) break;
      names.add(name);
      answer = await inFrame(`{ const { ${[...names].join(", ")} } = ${SCOPE}; ${expression}\n}`);
    }
    const missing = await this.#absent([...names]);
    if (missing !== undefined) throw new Error(`ReferenceError: ${missing} is not defined`);
    return result(answer);
  }

  /** The first of the names that the notebook does not have either. */
  async #absent(names: string[]): Promise<string | undefined> {
    const expression = `${JSON.stringify(names)}.find((name) => !(name in ${SCOPE}) && ${SCOPE}[name] === undefined)`;
    const { value } = result(await this.#inspector.post("Runtime.evaluate", { expression }));
    return typeof value === "string" ? value : undefined;
  }
}

function missingName(answer: JsonObject): string | undefined {
  if (answer.exceptionDetails === undefined) return undefined;
  return MISSING.exec(asString(asObject(answer.result).description))?.[1];
}

function result(answer: JsonObject): RemoteObject {
  const value = answer.result as unknown as RemoteObject;
  if (answer.exceptionDetails !== undefined) throw new Error(showRemote(value).split("\n")[0]);
  return value;
}
