/** What supervisor and runner say to each other, and the file descriptors on which they say it. */
import type { LineMap } from "../cells/lineMap.js";
import type { ErrorContent, JsonObject, MimeBundle } from "../protocol/messages.js";

/** Descriptors of the runner besides its standard ones. */
export const FD = {
  /** Runner -> supervisor: length-prefixed JSON messages; their place among the output is marked on descriptor 1. */
  messages: 3,
  /** Supervisor -> runner's main thread: one JSON command a line. */
  commands: 4,
  /** Supervisor -> runner's control thread: one line an interrupt. */
  interrupts: 5,
  /** Supervisor -> runner, read synchronously while code waits for input. */
  input: 6,
} as const;

/** Numbers an execution; output carries it back so that it reaches its cell. */
export type CellId = number;

export interface ExecuteCommand {
  type: "execute";
  id: CellId;
  /** How tracebacks call it: "Cell [3]". */
  label: string;
  body: string;
  imports: string[];
  lines: LineMap;
  sideModules: Record<string, string>;
  allowStdin: boolean;
}

export type Command = ExecuteCommand;

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
  | { type: "input"; cell: CellId; prompt: string; password: boolean };
