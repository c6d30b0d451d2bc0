/** What ES2024 brought and Node 20 lacks: cells are checked against ES2024, so it has to be there. */

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

export function completeEs2024(): void {
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
  define(ArrayBuffer.prototype, "transfer", function transfer(this: ArrayBuffer, length = this.byteLength) {
    const moved = structuredClone(this, { transfer: [this] });
    if (length === moved.byteLength) return moved;
    const resized = new Uint8Array(length);
    resized.set(new Uint8Array(moved, 0, Math.min(length, moved.byteLength)));
    return resized.buffer;
  });
}

function define(owner: object, name: string, value: unknown): void {
  if (name in owner) return;
  Object.defineProperty(owner, name, { value, writable: true, configurable: true });
}
