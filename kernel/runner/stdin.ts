/**
 * process.stdin of cells: it is at its end at once, since nobody types into it. What readline asks on it goes to the
 * front end, as prompt() does.
 */
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { ask } from "./input.js";

const require = createRequire(import.meta.url);

type Answered = (answer: string) => unknown;
type Question = (this: { input?: unknown }, query: string, ...rest: unknown[]) => unknown;
interface Readline {
  Interface: { prototype: { question: Question } };
}

class CellInput extends Readable {
  readonly fd = 0;
  readonly isTTY = false;

  override _read(): void {
    this.push(null);
  }
}

let input: CellInput | undefined;

export function replaceStandardInput(): void {
  Object.defineProperty(process, "stdin", {
    configurable: true,
    enumerable: true,
    get() {
      if (input === undefined) followQuestions();
      // Who comes after the end would wait for it.
      if (input === undefined || input.readableEnded || input.destroyed) input = new CellInput();
      return input;
    },
  });
}

/** Not before a cell wants standard input: few do, and loading readline takes time. */
function followQuestions(): void {
  const answers = require("node:readline/promises") as Readline;
  const { prototype } = answers.Interface;
  const asked = prototype.question;
  prototype.question = async function (query, ...rest) {
    return this.input instanceof CellInput ? ask(query, false) : await asked.call(this, query, ...rest);
  };
  const calls = (require("node:readline") as Readline).Interface.prototype;
  const called = calls.question;
  calls.question = function (query, ...rest) {
    if (!(this.input instanceof CellInput)) return called.call(this, query, ...rest);
    const answer = ask(query, false);
    queueMicrotask(() => (rest.at(-1) as Answered)(answer));
  };
  Object.defineProperty(calls.question, promisify.custom, { value: prototype.question });
}
