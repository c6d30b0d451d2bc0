/**
 * The wire format: identities, delimiter, HMAC signature, four JSON frames, binary buffers.
 * Refuses what is malformed, forged or replayed before anything of it is used.
 */
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import type { ConnectionInfo } from "./connection.js";
import { jsonBytes, toJson } from "./jsonText.js";
import type { Header, JsonObject, Message, ParentHeader } from "./messages.js";
import { PROTOCOL_VERSION } from "./messages.js";

export const DELIMITER = Buffer.from("<IDS|MSG>");
const REMEMBERED_SIGNATURES = 65_536;

/** A message that was refused; the kernel goes on. */
export class WireError extends Error {
  override readonly name = "WireError";
}

export interface Outgoing {
  type: string;
  content: JsonObject;
  /** What becomes the content's field `text`, in pieces of whole characters. */
  text?: readonly string[];
  parent: ParentHeader;
  metadata?: JsonObject;
  buffers?: readonly Uint8Array[];
  /** More fields of the header. */
  header?: JsonObject;
}

export class Wire {
  /** The kernel's own session: clients drop messages whose session is not the kernel's. */
  readonly session = randomUUID();
  readonly #key: string;
  readonly #digest: string;
  readonly #seen = new Set<string>();

  constructor(connection: Pick<ConnectionInfo, "key" | "digest">) {
    this.#key = connection.key;
    this.#digest = connection.digest;
  }

  encode(identities: readonly Uint8Array[], message: Outgoing): Uint8Array[] {
    const header: Header = {
      msg_id: randomUUID(),
      session: this.session,
      username: "kernel",
      date: new Date().toISOString(),
      msg_type: message.type,
      version: PROTOCOL_VERSION,
      ...message.header,
    };
    const { text, content } = message;
    const parts: Uint8Array[] = [header, message.parent, message.metadata ?? {}].map((part) =>
      Buffer.from(toJson(part)),
    );
    parts.push(text === undefined ? Buffer.from(toJson(content)) : withText(content, text));
    return [...identities, DELIMITER, Buffer.from(this.#sign(parts)), ...parts, ...(message.buffers ?? [])];
  }

  /** A message of content alone, as the handshake has it. */
  encodeContent(content: JsonObject): Uint8Array[] {
    const part = Buffer.from(JSON.stringify(content));
    return [DELIMITER, Buffer.from(this.#sign([part])), part];
  }

  decodeContent(frames: readonly Buffer[]): JsonObject {
    return parseObject(this.#open(frames, 1).parts[0] as Buffer);
  }

  decode(frames: readonly Buffer[]): Message {
    const { start, parts } = this.#open(frames, 4);
    const [header, parentHeader, metadata, content] = parts.map(parseObject) as [
      JsonObject,
      JsonObject,
      JsonObject,
      JsonObject,
    ];
    if (typeof header.msg_type !== "string" || typeof header.msg_id !== "string") {
      throw new WireError("the header has no msg_type or msg_id");
    }
    return {
      identities: frames.slice(0, start),
      header: header as Header,
      parentHeader,
      metadata,
      content,
      buffers: frames.slice(start + 6),
    };
  }

  /** The signed frames, of which there must be so many, and where their delimiter stands. */
  #open(frames: readonly Buffer[], count: number): { start: number; parts: Buffer[] } {
    const start = frames.findIndex((frame) => frame.equals(DELIMITER));
    if (start < 0) throw new WireError("no <IDS|MSG> delimiter");
    const signature = frames[start + 1];
    const parts = frames.slice(start + 2, start + 2 + count);
    if (signature === undefined || parts.length < count) throw new WireError("frames are missing");
    this.#verify(signature, parts);
    return { start, parts };
  }

  #sign(parts: readonly Uint8Array[]): string {
    if (this.#key === "") return "";
    const hmac = createHmac(this.#digest, this.#key);
    for (const part of parts) hmac.update(part);
    return hmac.digest("hex");
  }

  #verify(signature: Buffer, parts: readonly Buffer[]): void {
    if (this.#key === "") return;
    const expected = Buffer.from(this.#sign(parts));
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
      throw new WireError("the signature does not match");
    }
    const digest = expected.toString("latin1");
    if (this.#seen.has(digest)) throw new WireError("the signature was used before");
    this.#seen.add(digest);
    if (this.#seen.size > REMEMBERED_SIGNATURES) {
      for (const oldest of this.#seen) {
        this.#seen.delete(oldest);
        break;
      }
    }
  }
}

/** The JSON of `content` and of a field `text`. */
function withText(content: JsonObject, text: readonly string[]): Buffer {
  const end = '"}';
  const before = toJson({ ...content, text: "" }).slice(0, -end.length);
  return Buffer.concat([Buffer.from(before), ...text.flatMap(jsonBytes), Buffer.from(end)]);
}

function parseObject(frame: Buffer): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(frame.toString("utf8"));
  } catch {
    throw new WireError("a frame is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new WireError("a frame is not a JSON object");
  }
  return value as JsonObject;
}
