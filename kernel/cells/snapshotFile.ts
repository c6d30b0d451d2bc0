/**
 * The snapshot from which the compiling process starts: V8's memory after TypeScript has been loaded and has read its own
 * libraries and the kernel's packages. It is good for one Node, and for the files that were read.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { packageRoot } from "../preload.js";
import { isAlive } from "../processes.js";

/** The compiling process' program, with or without a snapshot. */
export const CELLS_PROGRAM = join(packageRoot, "dist/kernel/cells/process.cjs");

/** What says that the kernel or its packages have changed. */
const WITNESSES = [CELLS_PROGRAM, ...["build/tsc.tsbuildinfo", "node_modules/.package-lock.json"].map(inPackage)];

/** With a process' id behind it while that process makes it. */
const NAME = /^cells-.*\.snapshot(?:\.(\d+))?$/;
/** Those of other Nodes may be used in turns. */
const KEPT = 2;

/** Node's arguments for starting the compiling process from its snapshot; undefined when there is none. */
export function snapshotArguments(): string[] | undefined {
  const path = snapshotPath();
  return existsSync(path) ? ["--snapshot-blob", path, "cells"] : undefined;
}

/** Makes the snapshot, unless it is there; takes a few seconds of another process. */
export async function makeSnapshot(): Promise<void> {
  const path = snapshotPath();
  if (existsSync(path)) return;
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  const temporary = `${path}.${process.pid}`;
  try {
    const args = ["--no-warnings", "--snapshot-blob", temporary, "--build-snapshot", CELLS_PROGRAM];
    await promisify(execFile)(process.execPath, args, { env: snapshotEnvironment() });
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  removeOld(folder, path);
}

function removeOld(folder: string, path: string): void {
  const others: string[] = [];
  for (const name of readdirSync(folder)) {
    const [found, maker] = NAME.exec(name) ?? [];
    const other = join(folder, name);
    if (found === undefined || other === path) continue;
    if (maker === undefined) others.push(other);
    else if (!isAlive(Number(maker))) rmSync(other, { force: true });
  }
  others.sort((one, other) => modifiedAt(other) - modifiedAt(one));
  for (const old of others.slice(KEPT - 1)) rmSync(old, { force: true });
}

/** V8's settings are part of a snapshot, so that what makes it and what starts from it must have the same. */
export function snapshotEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...environment } = process.env;
  return environment;
}

function snapshotPath(): string {
  const hash = createHash("sha256").update(packageRoot);
  for (const path of WITNESSES) hash.update(`,${modifiedAt(path)}`);
  const name = `cells-${process.version}-${process.arch}-${hash.digest("hex").slice(0, 16)}.snapshot`;
  return inPackage(`build/cache/${name}`);
}

function inPackage(path: string): string {
  return join(packageRoot, path);
}

function modifiedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
