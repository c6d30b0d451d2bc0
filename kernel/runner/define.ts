/** Adds to the language what a newer Node would bring itself. */

/** Gives `owner` the property, unless it has one of that name. */
export function define(owner: object, name: PropertyKey, value: unknown): void {
  if (name in owner) return;
  Object.defineProperty(owner, name, { value, writable: true, configurable: true });
}
