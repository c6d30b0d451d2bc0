/**
 * Callbacks that Node calls by itself (of fs.readFile, crypto.pbkdf2, dns.lookup and their like) belong to the cell that
 * handed them over. No promise, timer or listener carries these, so the functions that take them are wrapped.
 */
import crypto from "node:crypto";
import dns from "node:dns";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { currentOwner, runIn } from "./running.js";

type Functions = Record<string, unknown>;
type Callback = (...args: unknown[]) => unknown;

/** What takes a callback has a sibling that waits, but for these. */
const WITHOUT_SIBLING = /^(?:randomBytes|randomInt|sign|verify|lookup\w*|resolve\w*|reverse)$/;

export function followCallbacks(): void {
  for (const module of [fs, crypto, dns] as unknown as Functions[]) {
    for (const name of Object.keys(module)) {
      if (`${name}Sync` in module || WITHOUT_SIBLING.test(name)) wrap(module, name);
    }
  }
  // What modules import by name is a copy.
  syncBuiltinESMExports();
}

function wrap(module: Functions, name: string): void {
  const original = module[name];
  if (typeof original !== "function") return;
  const wrapped = function (this: unknown, ...args: unknown[]): unknown {
    const last = args.length - 1;
    if (typeof args[last] === "function") args[last] = bound(args[last] as Callback);
    return Reflect.apply(original, this, args);
  };
  // Among them what util.promisify looks for.
  Object.defineProperties(wrapped, Object.getOwnPropertyDescriptors(original));
  module[name] = wrapped;
}

/** Like a timer, it no longer comes once its cell was interrupted. */
function bound(callback: Callback): Callback {
  const cell = currentOwner();
  if (cell === undefined) return callback;
  return function (this: unknown, ...args) {
    if (!cell.interrupted) runIn(currentOwner() ?? cell, () => Reflect.apply(callback, this, args));
  };
}
