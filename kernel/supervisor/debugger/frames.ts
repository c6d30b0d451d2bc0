/** Where the runner stands while it is stopped: frames of cells and local files, and their scopes. */
import type { JsonObject } from "../../protocol/messages.js";
import type { RemoteObject } from "../remoteObject.js";
import { type Position, type Sources, sourceLine } from "./sources.js";

export interface CallFrame {
  callFrameId: string;
  functionName: string;
  functionLocation: Position & { scriptId: string };
  location: Position & { scriptId: string };
  scopeChain: { type: string; object: RemoteObject }[];
}

const SCOPES: Record<string, string> = { local: "Local", block: "Block", closure: "Closure", catch: "Catch" };

/** The frames that a person wrote. */
export function ownFrames(frames: readonly CallFrame[], sources: Sources): CallFrame[] {
  return frames.filter(({ location }) => sources.ofScript(location.scriptId) !== undefined);
}

/**
 * Whether what was `left` by a step is `now` at no other line. The inspector also stops behind an await, within what has
 * awaited, and before a return; to front ends, which show lines, that is no step.
 */
export function isOnSameLine(left: readonly CallFrame[], now: readonly CallFrame[], sources: Sources): boolean {
  const [before, caller] = left;
  const [frame] = now;
  if (before === undefined || frame === undefined || !isSameFunction(before, frame)) return false;
  // A function that was called by itself is in the same line, but another time.
  if (caller !== undefined && isSameFunction(caller, frame) && now.length === left.length - 1) return false;
  const script = sources.ofScript(frame.location.scriptId);
  return script !== undefined && sourceLine(script, before.location) === sourceLine(script, frame.location);
}

function isSameFunction({ functionLocation: one }: CallFrame, { functionLocation: other }: CallFrame): boolean {
  if (one.scriptId !== other.scriptId) return false;
  return one.lineNumber === other.lineNumber && one.columnNumber === other.columnNumber;
}

export function describeFrames(frames: readonly CallFrame[], sources: Sources): JsonObject[] {
  return frames.flatMap(({ functionName, location }, index) => {
    const script = sources.ofScript(location.scriptId);
    if (script === undefined) return [];
    const name = functionName === "__tunelabCell" ? "cell" : functionName || "(anonymous)";
    const { path } = script;
    return [{ id: index + 1, name, line: sourceLine(script, location), column: 1, source: { name: path, path } }];
  });
}

/** The scopes that a person knows, innermost first, with their numbers for the inspector. */
export function knownScopes(frame: CallFrame | undefined): { name: string; object: RemoteObject; number: number }[] {
  return (frame?.scopeChain ?? []).flatMap(({ type, object }, number) => {
    const name = SCOPES[type];
    return name === undefined ? [] : [{ name, object, number }];
  });
}
