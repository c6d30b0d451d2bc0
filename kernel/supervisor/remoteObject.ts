/** Values of the runner as its inspector describes them, as text for a list of variables. */
import type { Json } from "../protocol/messages.js";

export interface RemoteObject {
  type: string;
  subtype?: string;
  className?: string;
  value?: Json;
  unserializableValue?: string;
  description?: string;
  objectId?: string;
}

export function showRemote({ type, subtype, value, unserializableValue, description }: RemoteObject): string {
  if (type === "string") return JSON.stringify(value);
  if (type === "undefined") return "undefined";
  if (subtype === "null") return "null";
  if (type === "function") return (description ?? "").split("\n")[0] ?? "";
  return unserializableValue ?? description ?? String(value);
}
