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

/** The compiling process' program, with or without a snapshot. */
export const CELLS_PROGRAM = join(packageRoot, "dist/kernel/cells/process.cjs");

/** What says that the kernel or its packages have changed. */
const WITNESSES = [CELLS_PROGRAM, ...["build/tsc.tsbuildinfo", "node_modules/.package-lock.json"].map(inPackage)];

const NAME = /^cells-.*\.snapshot$/;
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
  const others = readdirSync(folder)
    .filter((name) => NAME.test(name) && join(folder, name) !== path)
    .map((name) => join(folder, name))
    .sort((one, other) => modifiedAt(other) - modifiedAt(one));
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
