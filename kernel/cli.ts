#!/usr/bin/env node
/** The command line: install the kernel, check the machine, execute and export notebooks, open JupyterLab. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { TunelabError } from "../lib/errors.js";
import { packageRoot } from "../lib/packageRoot.js";
import type { SpecOptions } from "./spec.js";

const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string };

const program = new Command("tunelab")
  .description("A Jupyter kernel for TypeScript with a preloaded fine-tuning library.")
  .version(manifest.version)
  .showHelpAfterError("Run `tunelab --help` to see the commands.");

function withTarget(command: Command): Command {
  return command
    .option("--user", "in the user's Jupyter folder (the default)")
    .option("--sys-prefix", "in the active Python environment")
    .option("--prefix <folder>", "below any prefix, for example /usr/local or .venv")
    .option("--name <name>", "name of the kernelspec", "tunelab");
}

withTarget(program.command("install").description("make the kernel known to Jupyter"))
  .option("--display-name <text>", "what front ends show", "TypeScript (tunelab)")
  .action(async (options: SpecOptions) => {
    const { installKernelSpec } = await import("./spec.js");
    console.log(`Installed the kernelspec in ${installKernelSpec(options)}`);
  });

withTarget(program.command("uninstall").description("remove the kernel from Jupyter")).action(
  async (options: SpecOptions) => {
    const { uninstallKernelSpec } = await import("./spec.js");
    console.log(`Removed ${uninstallKernelSpec(options)}`);
  },
);

program
  .command("doctor")
  .description("say what this machine has, what is missing and how to get it")
  .action(async () => {
    const { doctor } = await import("./doctor.js");
    process.exitCode = await doctor(process.stdout);
  });

program
  .command("run")
  .description("execute a notebook in the kernel")
  .argument("<notebook>", "the .ipynb file")
  .option("-o, --output <file>", "where the executed notebook goes (default: the notebook itself)")
  .option("--html [file]", "write it as HTML too (default: beside the output)")
  .option("--cwd <folder>", "working folder of the kernel (default: the notebook's folder)")
  .option("--kernel <name>", "name of the kernelspec", "tunelab")
  .action(
    async (notebook: string, options: { output?: string; html?: string | true; cwd?: string; kernel: string }) => {
      const { runCommand } = await import("./run/command.js");
      process.exitCode = await runCommand(notebook, options);
    },
  );

program
  .command("export")
  .description("turn a notebook into a TypeScript module that runs on its own")
  .argument("<notebook>", "the .ipynb file")
  .option("-o, --output <file>", "the .ts or .mts file (default: beside the notebook)")
  .action(async (notebook: string, { output }: { output?: string }) => {
    const { exportNotebook } = await import("./export.js");
    console.log(`Wrote ${await exportNotebook(notebook, output)}`);
  });

program
  .command("lab")
  .description("open JupyterLab on the notebooks (further words go to JupyterLab)")
  .allowUnknownOption()
  .argument("[words...]")
  .action(async (words: string[]) => {
    const { lab } = await import("./run/lab.js");
    process.exitCode = await lab(words);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof TunelabError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
