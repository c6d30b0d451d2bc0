/** Where the runner stands while it is stopped: frames of cells and local files, and their scopes. */
import type { JsonObject } from "../../protocol/messages.js";
import type { RemoteObject } from "../remoteObject.js";
import { type Position, type Sources, sourceLine } from "./sources.js";

export interface CallFrame {
  callFrameId: string;
  functionName: string;
  location: Position & { scriptId: string };
  scopeChain: { type: string; object: RemoteObject }[];
}

const SCOPES: Record<string, string> = { local: "Local", block: "Block", closure: "Closure", catch: "Catch" };

/** The frames that a person wrote. */
export function ownFrames(frames: readonly CallFrame[], sources: Sources): CallFrame[] {
  return frames.filter(({ location }) => sources.ofScript(location.scriptId) !== undefined);
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
