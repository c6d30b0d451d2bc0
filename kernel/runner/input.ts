/** prompt, confirm and password: synchronous, answered by the front end over the stdin channel. */
import { readInputLine, sendMessage } from "./channel.js";
import { questions } from "./questions.js";
import { currentCell, KeyboardInterrupt } from "./running.js";

/** As it was before a cell could replace it. */
const { parse } = JSON;

/** Waits for the person's answer; the thread stands still. */
export function ask(message: string, hidden: boolean): string {
  const cell = currentCell();
  if (cell === undefined || !cell.allowStdin) {
    throw new Error("This front end does not take input. Pass the value another way, such as an environment variable.");
  }
  sendMessage({ type: "input", cell: cell.id, prompt: message, password: hidden });
  const answer = parse(readInputLine() || "null") as string | null;
  if (answer === null) throw new KeyboardInterrupt();
  return answer;
}

export const { prompt, confirm, password } = questions(ask);
