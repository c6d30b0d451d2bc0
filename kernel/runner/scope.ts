/** The variables of a notebook: each name leads by accessors to the variable in the cell that declared it last. */

export type Accessors = Record<string, unknown>;

export class Scope {
  /** What cells read and write as `exports.name`. */
  readonly names: Accessors;
  /** Definitions that the running cell replaced. */
  #replaced = new Map<string, PropertyDescriptor | undefined>();

  /** `missing` answers for names that no cell declared. */
  constructor(missing: (name: string) => unknown) {
    // Only a miss on the scope itself reaches the proxy, so that names that exist cost no more than an accessor.
    const fallback = new Proxy(Object.create(null) as object, {
      get: (_target, name) => (typeof name === "string" ? missing(name) : undefined),
    });
    this.names = Object.create(fallback) as Accessors;
  }

  /** Starts a cell. */
  begin(): void {
    this.#replaced = new Map();
  }

  bind(accessors: Accessors): void {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(accessors))) {
      this.#replaced.set(name, Object.getOwnPropertyDescriptor(this.names, name));
      Object.defineProperty(this.names, name, { ...descriptor, configurable: true, enumerable: true });
    }
  }

  /** Ends a cell that failed: names it did not come to give a value get their earlier meaning back. */
  restoreLost(): string[] {
    const lost: string[] = [];
    for (const [name, descriptor] of this.#replaced) {
      if (this.#hasValue(name)) continue;
      lost.push(name);
      if (descriptor) Object.defineProperty(this.names, name, descriptor);
      else delete this.names[name];
    }
    return lost;
  }

  #hasValue(name: string): boolean {
    try {
      void this.names[name];
      return true;
    } catch {
      return false;
    }
  }
}
