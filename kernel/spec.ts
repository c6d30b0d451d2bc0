/** The kernelspec: what Jupyter reads to offer and start the kernel. Written by Node alone, no Python needed. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fail } from "../lib/errors.js";
import { packageRoot } from "../lib/packageRoot.js";
import { PROTOCOL_VERSION } from "./protocol/messages.js";
import { kernelsFolder, type Target } from "./spec/folders.js";
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
  const folder = folderOf(options);
  if (existsSync(folder) && !isOurs(folder)) {
    fail(`${folder} belongs to another kernel.`, { hint: "Choose another name with --name." });
  }
  const fresh = `${folder}.tmp`;
  guarded(folder, () => {
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true });
    writeFileSync(join(fresh, "kernel.json"), `${JSON.stringify(kernelSpec(options.displayName), undefined, 2)}\n`);
    for (const logo of readdirSync(logos)) copyFileSync(join(logos, logo), join(fresh, logo));
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  });
  return folder;
}

/** Removes the kernelspec and gives the folder it was in; one of another kernel is left alone. */
export function uninstallKernelSpec(options: SpecOptions = {}): string {
  const folder = folderOf(options);
  if (!existsSync(folder)) {
    fail(`No kernelspec is installed at ${folder}.`, { hint: "`jupyter kernelspec list` shows where kernels are." });
  }
  if (!isOurs(folder)) fail(`${folder} belongs to another kernel and is left as it is.`);
  guarded(folder, () => rmSync(folder, { recursive: true }));
  return folder;
}

function folderOf({ name = "tunelab", ...target }: SpecOptions): string {
  if (!/^[\w.-]+$/.test(name)) {
    fail(`"${name}" is no name for a kernelspec.`, { hint: "Use letters, digits, dots, dashes and underscores." });
  }
  return join(kernelsFolder(target), name.toLowerCase());
}

/** A kernelspec of this package, whichever checkout wrote it. */
function isOurs(folder: string): boolean {
  try {
    const spec = JSON.parse(readFileSync(join(folder, "kernel.json"), "utf8")) as Partial<KernelSpec>;
    return spec.argv?.some((arg) => /dist\/kernel\/main\.c?js$/.test(arg.replaceAll("\\", "/"))) ?? false;
  } catch {
    return false;
  }
}

function guarded(folder: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    if (!["EACCES", "EPERM", "EROFS"].includes(code)) throw cause;
    fail(`${folder} cannot be written.`, { hint: "Use --user, or a --prefix that belongs to you.", cause });
  }
}
