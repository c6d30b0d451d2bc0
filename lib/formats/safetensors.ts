/** Reads one safetensors file: the header at once, each tensor's bytes from disk when they are asked for. */
import { type BigIntStats, closeSync, fstatSync, openSync, readSync } from "node:fs";
import { fail, suggestion } from "../errors.js";
import { type Header, MAX_HEADER_BYTES, parseHeader, type TensorRange } from "./safetensorsHeader.js";
import type { FileRange, TensorInfo, TensorSource } from "./tensorEntry.js";
import { toFloat32 } from "./toFloat32.js";

/** The most that one read call of the operating system takes. */
const READ_BYTES = 1 << 30;

export class SafetensorsFile implements TensorSource {
  readonly path: string;
  readonly #header: Header;
  readonly #dataStart: number;
  /** When it was opened. */
  readonly #stats: BigIntStats;
  #descriptor: number | null;

  private constructor(path: string, descriptor: number, stats: BigIntStats, header: Header, dataStart: number) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#stats = stats;
    this.#header = header;
    this.#dataStart = dataStart;
  }

  /** Opens `path` and checks its header; a file that lies about its contents is refused with what is wrong with it. */
  static open(path: string): SafetensorsFile {
    const descriptor = openFile(path);
    try {
      const stats = fstatSync(descriptor, { bigint: true });
      const size = Number(stats.size);
      if (size < 8) fail(`${path} is no safetensors file: it has only ${size} bytes.`);
      const prefix = readRange(path, descriptor, 0, 8);
      const length = new DataView(prefix.buffer).getBigUint64(0, true);
      if (length > BigInt(Math.min(MAX_HEADER_BYTES, size - 8))) {
        fail(`${path} is no valid safetensors file: a header of ${length} bytes does not fit into ${size} bytes.`, {
          hint: "Download or write it again.",
        });
      }
      const dataStart = 8 + Number(length);
      const text = decodeUtf8(path, readRange(path, descriptor, 8, dataStart));
      return new SafetensorsFile(path, descriptor, stats, parseHeader(path, text, size - dataStart), dataStart);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  /** The tensors' names, in the order of the header. */
  get names(): string[] {
    return [...this.#header.tensors.keys()];
  }

  get metadata(): Readonly<Record<string, string>> {
    return this.#header.metadata;
  }

  has(name: string): boolean {
    return this.#header.tensors.has(name);
  }

  info(name: string): TensorInfo {
    const { dtype, shape } = this.#range(name);
    return { dtype, shape };
  }

  read(name: string): Uint8Array {
    const { descriptor, offset, length } = this.locate(name);
    return readRange(this.path, descriptor, offset, offset + length);
  }

  locate(name: string): FileRange {
    const { begin, end } = this.#range(name);
    return { path: this.path, descriptor: this.#open(), offset: this.#dataStart + begin, length: end - begin };
  }

  ensureUnchanged(cause?: unknown): void {
    const { size, mtimeNs } = fstatSync(this.#open(), { bigint: true });
    if (size === this.#stats.size && mtimeNs === this.#stats.mtimeNs) return;
    fail(`${this.path} was changed while it was read.`, { hint: "Load it again when it is complete.", cause });
  }

  readFloat32(name: string): Float32Array {
    return toFloat32(name, this.#range(name).dtype, this.read(name));
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  #open(): number {
    return this.#descriptor ?? fail(`${this.path} is already closed.`);
  }

  #range(name: string): TensorRange {
    const range = this.#header.tensors.get(name);
    return range ?? fail(`${this.path} has no tensor "${name}".`, { hint: suggestion(name, this.names) });
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    return fail(`Cannot open ${path}: ${(cause as Error).message}.`, { cause });
  }
}

function readRange(path: string, descriptor: number, begin: number, end: number): Uint8Array {
  const bytes = new Uint8Array(end - begin);
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(descriptor, bytes, done, Math.min(READ_BYTES, bytes.length - done), begin + done);
    if (read === 0) fail(`${path} ended at byte ${begin + done} while it was read; expected ${end} bytes.`);
    done += read;
  }
  return bytes;
}

function decodeUtf8(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    return fail(`${path} is no valid safetensors file: its header is not UTF-8.`, { cause });
  }
}
