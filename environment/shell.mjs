/** Child processes of the set-up: quiet ones whose output goes to a log, and those that own the terminal. */
import { spawn, spawnSync } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { logs, root } from "./paths.mjs";
import { explain, Interrupted, Problem } from "./problem.mjs";
import { transient } from "./terminal.mjs";

const tailLength = 8192;

/**
 * Runs a program, its output in build/logs/<log>.log and, on a terminal, its latest line on the last row.
 * Throws a Problem in plain words when it fails.
 * @param {string} what what is being done, for the error
 * @param {string} program
 * @param {string[]} args
 * @param {{ log: string, cwd?: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<void>}
 */
export async function quietly(what, program, args, { log, cwd = root, env = process.env }) {
  mkdirSync(logs, { recursive: true });
  const path = join(logs, `${log}.log`);
  const file = createWriteStream(path);
  file.write(`$ ${[program, ...args].join(" ")}\n`);
  let tail = "";
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
      file.write(text);
      tail = (tail + text).slice(-tailLength);
      transient(tail.trimEnd().split("\n").at(-1) ?? "");
    });
  }
  const outcome = await ended(child);
  transient("");
  await new Promise((resolve) => file.end(resolve));
  if (outcome instanceof Error) throw explain(what, outcome.message, path);
  if (outcome === interrupted) throw new Interrupted();
  if (outcome !== 0) throw explain(what, tail, path);
}

/**
 * Runs a program on this terminal and gives its exit code; a signal counts as 128 plus its usual number.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number>}
 */
export async function openly(program, args, { cwd = root, env = process.env } = {}) {
  const child = spawn(program, args, { cwd, env, stdio: "inherit" });
  const outcome = await ended(child);
  if (outcome instanceof Error) throw new Problem(`${program} could not be started: ${outcome.message}`);
  return outcome;
}

/**
 * The standard output of a short program, or undefined when it is missing or fails.
 * @param {string} program
 * @param {string[]} args
 */
export function answer(program, args) {
  const result = spawnSync(program, args, { encoding: "utf8", timeout: 30_000 });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/**
 * npm, by the path npm itself gives its scripts, so that no shell is needed on any system.
 * @param {string[]} args
 * @returns {[string, string[]]}
 */
export function npm(args) {
  const script = process.env.npm_execpath;
  return script?.endsWith(".js") ? [process.execPath, [script, ...args]] : ["npm", args];
}

const interrupted = 130;

/**
 * The exit code, 130 when Ctrl-C was pressed meanwhile: some programs make an ordinary failure of it.
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<number | Error>}
 */
function ended(child) {
  let stopped = false;
  // The terminal sends Ctrl-C to the child as well; this process stays to say how far it came.
  const wait = () => {
    stopped = true;
  };
  const pass = () => void child.kill("SIGTERM");
  process.on("SIGINT", wait).on("SIGTERM", pass);
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error));
    child.once("close", (code, signal) => {
      const usual = code ?? (signal === "SIGINT" ? interrupted : 143);
      resolve(stopped && usual !== 0 ? interrupted : usual);
    });
  }).finally(() => process.off("SIGINT", wait).off("SIGTERM", pass));
}
