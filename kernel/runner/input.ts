/** prompt, confirm and password: synchronous, answered by the front end over the stdin channel. */
import { readInputLine, sendMessage } from "./channel.js";
import { currentCell, KeyboardInterrupt } from "./running.js";

/** As it was before a cell could replace it. */
const { parse } = JSON;

/** Waits for the person's answer; the thread stands still. */
export function ask(message: string, password: boolean): string {
  const cell = currentCell();
  if (cell === undefined || !cell.allowStdin) {
    throw new Error("This front end does not take input. Pass the value another way, such as an environment variable.");
  }
  sendMessage({ type: "input", cell: cell.id, prompt: message, password });
  const answer = parse(readInputLine() || "null") as string | null;
  if (answer === null) throw new KeyboardInterrupt();
  return answer;
}

export function prompt(message = "", defaultValue?: string): string | null {
  const answer = ask(message === "" ? "" : `${message} `, false);
  return answer === "" ? (defaultValue ?? null) : answer;
}

export function confirm(message = "Continue?"): boolean {
  return /^y(es)?$/i.test(ask(`${message} [y/N] `, false).trim());
}

export function password(message = "Password:"): string {
  return ask(`${message} `, true);
}
