/** The runner: the process in which cells run. Started by the supervisor, which reads everything that it writes. */
import { Socket } from "node:net";
import { IdleMemory } from "../idleMemory.js";
import { readPreload } from "../preload.js";
import { followCallbacks } from "./callbacks.js";
import { sendMessage, sendText } from "./channel.js";
import { comms, receiveComm } from "./comms.js";
import { clearOutput, display, displayHook, page } from "./display.js";
import { followListeners } from "./emitters.js";
import { describeError, installStackTraces } from "./errors.js";
import { completeEs2024 } from "./es2024.js";
import { followTargets } from "./eventTargets.js";
import { Executor } from "./execute.js";
import { suspendHookChecks } from "./hookChecks.js";
import { confirm, password, prompt } from "./input.js";
import { interruptHook, startControlThread } from "./interrupts.js";
import type { Command } from "./messages.js";
import { FD } from "./messages.js";
import { bundleNow } from "./mime.js";
import { CellModules } from "./modules.js";
import { Preloaded } from "./preloaded.js";
import {
  currentCell,
  enterEventLoop,
  followCells,
  foregroundCell,
  KeyboardInterrupt,
  ownerOf,
  type RunningCell,
  takeThrower,
} from "./running.js";
import { Scope } from "./scope.js";
import { replaceStandardInput } from "./stdin.js";
import { replaceStandardStreams } from "./stdio.js";
import * as widgets from "./widgets/index.js";

/** As it was before a cell could replace it. */
const { parse } = JSON;

function defineGlobals(): void {
  const values: Record<PropertyKey, unknown> = {
    display,
    clearOutput,
    page,
    prompt,
    confirm,
    password,
    comms,
    ...widgets,
    [Symbol.for("tunelab.display")]: displayHook,
    [Symbol.for("tunelab.show")]: bundleNow,
    [Symbol.for("tunelab.interrupt")]: interruptHook,
    [Symbol.for("tunelab.suspendHookChecks")]: suspendHookChecks,
  };
  for (const key of Reflect.ownKeys(values)) {
    Object.defineProperty(globalThis, key, { value: values[key], writable: true, configurable: true });
  }
}

function report(thrown: unknown, owner: RunningCell | undefined): void {
  if (thrown instanceof KeyboardInterrupt) return;
  const cell = owner ?? currentCell();
  const traceback = describeError(thrown).traceback.join("\n");
  sendText(cell?.id ?? 0, "stderr", `Uncaught ${traceback.replace(/^Uncaught:? /, "")}\n`);
}

const listeners: Record<string, (...args: never[]) => void> = {
  /** Errors that no cell waits for: shown where they belong, and the runner goes on. */
  uncaughtException: (thrown: unknown) => report(thrown, takeThrower()),
  unhandledRejection: (reason: unknown, promise: Promise<unknown>) => report(reason, ownerOf(promise)),
  /** The control thread sends it to the whole process group, for the processes that cells have started. */
  SIGINT: () => {},
};

/** Before every cell: an earlier one may have removed all listeners, and the next error would end the runner. */
function listen(): void {
  const emitter: NodeJS.EventEmitter = process;
  for (const [event, listener] of Object.entries(listeners)) {
    if (!emitter.listeners(event).includes(listener)) emitter.on(event, listener as () => void);
  }
}

function readCommands(execute: (command: Command) => void): void {
  const socket = new Socket({ fd: FD.commands, readable: true, writable: false });
  const waiting: string[] = [];
  let rest = "";
  const next = () => {
    enterEventLoop();
    const line = waiting.shift();
    // Before this one runs: its code may be ended by force, and must not take the next with it.
    if (waiting.length > 0) setImmediate(next);
    if (line !== undefined) execute(parse(line) as Command);
  };
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    enterEventLoop();
    const isIdle = waiting.length === 0;
    const lines = text.split("\n");
    lines[0] = rest + lines[0];
    rest = lines.pop() ?? "";
    for (const line of lines) waiting.push(line);
    if (isIdle && waiting.length > 0) next();
  });
  socket.on("error", () => {});
}

replaceStandardStreams();
replaceStandardInput();
installStackTraces();
followCells();
followListeners();
followTargets();
followCallbacks();
completeEs2024();
defineGlobals();
listen();
const preload = readPreload();
const preloaded = new Preloaded(preload);
const scope = new Scope((name) => preloaded.get(name));
Object.defineProperty(globalThis, Symbol.for("tunelab.scope"), { value: scope.names });
const executor = new Executor(new CellModules(process.cwd(), preload), scope, preloaded);
startControlThread((cell) => executor.stop(cell));
readCommands((command) => {
  listen();
  if (command.type === "execute") executor.execute(command);
  else receiveComm(command);
});
sendMessage({ type: "ready" });
const memory = new IdleMemory(() => foregroundCell() !== undefined);
void preloaded.loaded(preload.modules.map(({ specifier }) => specifier)).then(() => memory.touch());
