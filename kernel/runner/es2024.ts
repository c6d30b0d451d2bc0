/** What ES2024 brought and Node 20 lacks: cells are checked against ES2024, so it has to be there. */
import { define } from "./define.js";
import { completeDisposables } from "./disposables.js";

type Groups = Map<unknown, unknown[]>;

function group(items: Iterable<unknown>, key: (item: unknown, index: number) => unknown): Groups {
  const groups: Groups = new Map();
  let index = 0;
  for (const item of items) {
    const name = key(item, index++);
    const members = groups.get(name);
    if (members) members.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}

/** Also what stands in no edition yet and is checked all the same, for `using`. */
export function completeEs2024(): void {
  completeDisposables();
  define(Map, "groupBy", group);
  define(Object, "groupBy", (items: Iterable<unknown>, key: (item: unknown, index: number) => PropertyKey) => {
    const groups = group(items, (item, index) => {
      const name = key(item, index);
      return typeof name === "symbol" ? name : String(name);
    });
    return Object.assign(Object.create(null), Object.fromEntries(groups)) as object;
  });
  define(Promise, "withResolvers", function withResolvers<T>(this: PromiseConstructor) {
    let resolve!: (value: T | PromiseLike<T>) => void;
    let reject!: (reason: unknown) => void;
    const promise = new this<T>((fulfil, refuse) => {
      resolve = fulfil;
      reject = refuse;
    });
    return { promise, resolve, reject };
  });
  const transfer = function (this: ArrayBuffer, length = this.byteLength) {
    const moved = structuredClone(this, { transfer: [this] });
    if (length === moved.byteLength) return moved;
    const resized = new Uint8Array(length);
    resized.set(new Uint8Array(moved, 0, Math.min(length, moved.byteLength)));
    return resized.buffer;
  };
  for (const name of ["transfer", "transferToFixedLength"]) define(ArrayBuffer.prototype, name, transfer);
  if (!("detached" in ArrayBuffer.prototype)) {
    Object.defineProperty(ArrayBuffer.prototype, "detached", { get: isDetached, configurable: true });
  }
}

function isDetached(this: ArrayBuffer): boolean {
  if (this.byteLength > 0) return false;
  try {
    new Uint8Array(this);
    return false;
  } catch {
    return true;
  }
}
