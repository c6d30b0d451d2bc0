/** What supervisor and runner say to each other, and the file descriptors on which they say it. */
import type { CellImport } from "../cells/cellFunction.js";
import type { LineMap } from "../cells/lineMap.js";
import type { SideModule } from "../cells/sideModules.js";
import type { ErrorContent, JsonObject, MimeBundle } from "../protocol/messages.js";

/** Descriptors of the runner besides its standard ones. */
export const FD = {
  /** Runner -> supervisor: length-prefixed JSON messages and long texts; their place is marked on descriptor 1. */
  messages: 3,
  /** Supervisor -> runner's main thread: one JSON command a line. */
  commands: 4,
  /** Supervisor -> runner's control thread: a number is an interrupt of the cell that has it, another line an inspector command or a CompilerMessage in JSON. */
  interrupts: 5,
  /** Supervisor -> runner, read synchronously while code waits for input. */
  input: 6,
  /** Runner's control thread -> supervisor: one InspectorMessage a line. */
  inspector: 7,
} as const;

/** What stands before a cell's code in the script that runs it. The outer names may be declared anew by the cell. */
export const CELL_HEAD =
  '(function (require, __filename, __dirname) { return async function __tunelabCell(exports, __cell) { "use strict"; ';
export const CELL_TAIL = "\n}; })";

/** A command to the inspector of the runner's main thread. */
export interface InspectorCommand {
  id: number;
  method: string;
  params: JsonObject;
}

/** Which process compiles cells; null when that has ended. */
export interface CompilerMessage {
  compiler: number | null;
}

/** An answer, by the id of its command, or an event. */
export type InspectorMessage =
  | { id: number; error?: string; result?: JsonObject }
  | { id?: undefined; method: string; params: JsonObject };

/** Numbers an execution; output carries it back so that it reaches its cell. */
export type CellId = number;

export interface ExecuteCommand {
  type: "execute";
  id: CellId;
  /** How tracebacks call it: "Cell [3]". */
  label: string;
  body: string;
  imports: CellImport[];
  lines: LineMap;
  sideModules: Record<string, SideModule>;
  /** Preloaded modules that have to be there before it runs. */
  preloaded: string[];
  allowStdin: boolean;
  /** Print how long it took. */
  timed: boolean;
  /** A debugger stops at exceptions that nobody catches. */
  watchesUncaught: boolean;
}

/** What a front end did with a comm. */
export interface CommCommand {
  type: "comm";
  /** Numbers it; the runner answers `handled` with that number. */
  request: number;
  event: CommEvent;
}

export type Command = ExecuteCommand | CommCommand;

/** One message of a comm, in either direction; `buffers` in base64. */
export interface CommEvent {
  kind: "open" | "msg" | "close";
  commId: string;
  /** Of an open only. */
  target?: string;
  data: JsonObject;
  metadata: JsonObject;
  buffers: string[];
}

export interface DoneMessage {
  type: "done";
  id: CellId;
  /** Absent when the cell ended well. */
  error?: ErrorContent;
  /** The value of the last expression; absent when undefined. */
  value?: MimeBundle;
  valueMetadata?: JsonObject;
  /** Names that the cell declared without coming to give them a value. */
  lost: string[];
  payload: JsonObject[];
}

export type RunnerMessage =
  | { type: "ready" }
  | DoneMessage
  | {
      type: "display";
      cell: CellId;
      data: MimeBundle;
      metadata: JsonObject;
      displayId?: string;
      update: boolean;
    }
  | { type: "clear"; cell: CellId; wait: boolean }
  /** `request` is that of the front end's message that it answers, if any. */
  | { type: "comm"; cell: CellId; request?: number; event: CommEvent }
  | { type: "handled"; request: number }
  | { type: "input"; cell: CellId; prompt: string; password: boolean };
