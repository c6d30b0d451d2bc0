/**
 * `%%sh`: a cell's text in a shell, in a process group of its own. What it prints goes to the cell while it runs; an
 * interrupt of the cell, and the end of this process however it comes, end the group.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import type { ShellCell } from "../magics/read.js";
import { sendText } from "./channel.js";
import { currentCell, type RunningCell, runIn } from "./running.js";

/** What the group may still do after an interrupt. */
const GRACE_MS = 500;
/** What a finished shell has left in its pipes arrives within this; longer only background processes write. */
const DRAIN_MS = 100;

/**
 * Starts the shell with its options ("$@"), beside a guard that reads descriptor 3: a line ends the guard; the end of
 * the pipe, which comes when the runner is gone, ends the group.
 */
const GUARDED = '(read -r _ <&3 || kill -KILL 0) >/dev/null 2>&1 & exec "$@" 3<&-';

class ShellError extends Error {
  override readonly name = "ShellError";
}

/** Runs the script to its end; an exit status that is not 0 is an error. */
export async function runShell({ program, flags, mayFail, script }: Omit<ShellCell, "kind">): Promise<void> {
  const cell = currentCell();
  // Callbacks of a cell that was interrupted no longer run, and these must.
  const { code, signal } = await runIn(undefined, () => run(cell, [program, ...flags, "-c", script]));
  if (mayFail) return;
  if (signal !== null) throw new ShellError(`${program} was ended by ${signal}.`);
  if (code !== 0) throw new ShellError(`${program} ended with exit status ${code}.`);
}

interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
}

async function run(cell: RunningCell | undefined, command: string[]): Promise<End> {
  const child = spawn("sh", ["-c", GUARDED, "sh", ...command], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const guard = child.stdio[3] as Writable;
  guard.on("error", () => {});
  const killGroup = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // The whole group has ended by itself.
    }
  };
  const interrupt = () => {
    killGroup("SIGINT");
    setTimeout(killGroup, GRACE_MS, "SIGKILL");
  };
  cell?.abort.signal.addEventListener("abort", interrupt, { once: true });
  const closed = Promise.all(
    (["stdout", "stderr"] as const).map((name) => {
      const stream = child[name] as Readable;
      stream.on("data", (chunk: Buffer) => sendText(cell?.id ?? 0, name, chunk));
      return once(stream, "close");
    }),
  );
  // Until then background processes of the script hold the pipes, and the guard stays with them.
  void closed.then(() => guard.end("\n"));
  const [code, signal] = (await once(child, "exit").catch((cause: unknown) => {
    throw new ShellError("No shell can be started: sh is not on the path.", { cause });
  })) as [number | null, NodeJS.Signals | null];
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, DRAIN_MS))]);
  cell?.abort.signal.removeEventListener("abort", interrupt);
  return { code, signal };
}
