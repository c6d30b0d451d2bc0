/** The messages of the Jupyter protocol (5.6) that this kernel speaks, as types. */

export const PROTOCOL_VERSION = "5.6";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };
export type JsonObject = { [key: string]: Json | undefined };

/** A MIME bundle: MIME type to data. */
export type MimeBundle = JsonObject;

export interface Header extends JsonObject {
  msg_id: string;
  session: string;
  username: string;
  date: string;
  msg_type: string;
  version: string;
}

/** A received message. `identities` is the routing prefix that a reply must repeat. */
export interface Message {
  identities: Buffer[];
  header: Header;
  parentHeader: JsonObject;
  metadata: JsonObject;
  content: JsonObject;
  buffers: Buffer[];
}

/** The header of the message that caused an outgoing one; empty for the kernel's own. */
export type ParentHeader = Header | Record<string, never>;

export interface ExecuteRequest {
  code: string;
  silent: boolean;
  storeHistory: boolean;
  userExpressions: Record<string, string>;
  allowStdin: boolean;
  stopOnError: boolean;
}

export interface ErrorContent extends JsonObject {
  ename: string;
  evalue: string;
  traceback: string[];
}

export interface LanguageInfo extends JsonObject {
  name: string;
  version: string;
  mimetype: string;
  file_extension: string;
  pygments_lexer: string;
  codemirror_mode: Json;
  nbconvert_exporter: string;
}

/** Reads an execute_request's content; absent fields take the protocol's defaults. */
export function readExecuteRequest(content: JsonObject): ExecuteRequest {
  if (typeof content.code !== "string") throw new Error("execute_request has no code.");
  const silent = content.silent === true;
  const expressions: Record<string, string> = {};
  for (const [name, source] of Object.entries(asObject(content.user_expressions))) {
    if (typeof source === "string") expressions[name] = source;
  }
  return {
    code: content.code,
    silent,
    storeHistory: !silent && content.store_history !== false,
    userExpressions: expressions,
    allowStdin: content.allow_stdin === true,
    stopOnError: content.stop_on_error !== false,
  };
}

/** `value` when it is a plain object, else an empty one. */
export function asObject(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

export function asString(value: Json | undefined, fallback = ""): string {
  return typeof value === "string" ? value : fallback;
}

export function asNumber(value: Json | undefined, fallback: number): number {
  return typeof value === "number" && Number.isFinite(value) ? value : fallback;
}
