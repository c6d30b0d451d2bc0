/** The kernelspec: what Jupyter reads to offer and start the kernel. Written by Node alone, no Python needed. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fail } from "../lib/errors.js";
import { packageRoot } from "../lib/packageRoot.js";
import { PROTOCOL_VERSION } from "./protocol/messages.js";
import { kernelsFolder, searchedFolders, type Target } from "./spec/folders.js";
import { installedSpecs, readOurs } from "./spec/installed.js";
import { stableNodePath } from "./spec/nodePath.js";

export interface SpecOptions extends Target {
  /** Folder name of the kernelspec, by which notebooks refer to it. Defaults to "tunelab". */
  name?: string;
  /** What front ends show. Defaults to "TypeScript (tunelab)". */
  displayName?: string;
}

/** kernel.json. */
export interface KernelSpec {
  argv: string[];
  display_name: string;
  language: string;
  /** Interrupts come as messages, so that they reach the kernel on every system and in containers. */
  interrupt_mode: "message";
  metadata: {
    debugger: boolean;
    /** What a connection file may have keys for. */
    supported_encryption: string[];
    /** The topmost folder that had to be made for the kernelspec's own, for `uninstall`; absent when none had. */
    made?: string;
  };
  /** By it a client knows that it may give a registration file. */
  kernel_protocol_version: string;
}

const main = join(packageRoot, "dist", "kernel", "main.cjs");
const logos = join(packageRoot, "kernel", "logos");

export function kernelSpec(displayName = "TypeScript (tunelab)"): KernelSpec {
  return {
    argv: [stableNodePath(), main, "{connection_file}"],
    display_name: displayName,
    language: "typescript",
    interrupt_mode: "message",
    metadata: { debugger: true, supported_encryption: ["curve"] },
    kernel_protocol_version: PROTOCOL_VERSION,
  };
}

/** Writes the kernelspec, in place of an older one of the same name, and gives its folder. */
export function installKernelSpec(options: SpecOptions = {}): string {
  if (!existsSync(main)) fail(`The kernel is not built: ${main} is missing.`, { hint: "Run `npm run build` first." });
  if (options.displayName?.trim() === "") {
    fail("The display name is empty.", { hint: "Give the text that front ends show, or leave --display-name out." });
  }
  const folder = folderOf(options);
  if (existsSync(folder) && readOurs(folder) === undefined) {
    fail(`${folder} belongs to another kernel.`, { hint: "Choose another name with --name." });
  }
  const fresh = `${folder}.tmp`;
  const spec = kernelSpec(options.displayName);
  guarded(folder, () => {
    const made = mkdirSync(dirname(folder), { recursive: true }) ?? madeFor(dirname(folder));
    if (made !== undefined) spec.metadata.made = made;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh);
    writeFileSync(join(fresh, "kernel.json"), `${JSON.stringify(spec, undefined, 2)}\n`);
    for (const logo of readdirSync(logos)) copyFileSync(join(logos, logo), join(fresh, logo));
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  });
  return folder;
}

/** Removes the kernelspec and gives the folder it was in; one of another kernel is left alone. */
export function uninstallKernelSpec(options: SpecOptions = {}): string {
  const folder = folderOf(options);
  if (!existsSync(folder)) fail(`No kernelspec is installed at ${folder}.`, { hint: whereOthersAre() });
  const spec = readOurs(folder);
  if (spec === undefined) fail(`${folder} belongs to another kernel and is left as it is.`);
  guarded(folder, () => rmSync(folder, { recursive: true }));
  if (spec.metadata.made !== undefined) removeEmpty(dirname(folder), spec.metadata.made);
  return folder;
}

/** What an older kernelspec, or one of another name, had to make before. */
function madeFor(kernels: string): string | undefined {
  return installedSpecs([kernels])
    .map(({ folder }) => readOurs(folder)?.metadata.made)
    .find((made) => made !== undefined);
}

/** Takes away the folders from `folder` up to `made`, as far as nothing else has come into them. */
function removeEmpty(folder: string, made: string): void {
  if (relative(made, folder).startsWith("..")) return;
  try {
    rmdirSync(folder);
  } catch {
    return;
  }
  if (folder !== made) removeEmpty(dirname(folder), made);
}

function whereOthersAre(): string {
  const found = installedSpecs(searchedFolders()).map(({ folder }) => folder);
  if (found.length === 0) return "`jupyter kernelspec list` shows where kernels are.";
  return `Name one of these by --name and its place (--user, --sys-prefix, --prefix): ${found.join(", ")}.`;
}

function folderOf({ name = "tunelab", ...target }: SpecOptions): string {
  if (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name)) {
    fail(`"${name}" is no name for a kernelspec.`, { hint: "Use letters, digits, dots, dashes and underscores." });
  }
  // Jupyter takes names of any case for the same kernel.
  return join(kernelsFolder(target), name.toLowerCase());
}

const unwritable: Record<string, string> = {
  EACCES: "this user may not",
  EPERM: "this user may not",
  EROFS: "the file system is read-only",
  ENOTDIR: "a part of its path is a file",
  EEXIST: "a part of its path is a file",
  ENOSPC: "the disk is full",
};

function guarded(folder: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    const { code = "", path } = cause as NodeJS.ErrnoException;
    const reason = unwritable[code];
    if (reason === undefined) throw cause;
    const where = path === undefined || path === folder ? "" : ` (at ${path})`;
    fail(`${folder} cannot be written: ${reason}${where}.`, {
      hint: "Use --user, or a --prefix that belongs to you.",
      cause,
    });
  }
}
