/** tfjs greets the first user of its cpu backend, and of what extends it, with an advertisement for its Node binding. */
export function quiet<T extends object>(backend: T): T {
  return Object.assign(backend, { firstUse: false });
}
