/** Runs one cell: modules first, then its code, then its value; whatever happens, exactly one answer is sent. */
import { promiseHooks } from "node:v8";
import vm from "node:vm";
import type { CellImport } from "../cells/cellFunction.js";
import type { HtmlCell, ShellCell } from "../magics/read.js";
import { sendMessage, sendText } from "./channel.js";
import { displayBundle, displaysOf } from "./display.js";
import { calledFrom, describeError, importedAt, inCell, registerCell } from "./errors.js";
import { publishListeners, wasInterrupted } from "./interrupts.js";
import { CELL_HEAD, CELL_TAIL, type DoneMessage, type ExecuteCommand } from "./messages.js";
import { toBundle } from "./mime.js";
import type { CellModules } from "./modules.js";
import type { Preloaded } from "./preloaded.js";
import type { RunningCell } from "./running.js";
import { checkInterrupt, foregroundCell, KeyboardInterrupt, runIn, setForeground } from "./running.js";
import type { Accessors, Scope } from "./scope.js";
import { runShell } from "./shell.js";
import { startWatch } from "./timing.js";

/** What a cell's code calls besides the language: see cells/cellFunction.ts and magics/cells.ts. */
interface CellTools {
  bind(accessors: Accessors): void;
  module(specifier: string): Record<string, unknown>;
  import(specifier: string): Promise<Record<string, unknown>>;
  meta: ImportMeta;
  check(value?: unknown): unknown;
  shell(request: Omit<ShellCell, "kind">): Promise<void>;
  html(request: Omit<HtmlCell, "kind">): void;
}

type CellScript = (
  require: NodeJS.Require,
  filename: string,
  dirname: string,
) => (exports: Accessors, tools: CellTools) => Promise<{ value: unknown } | undefined>;

export class Executor {
  readonly #modules: CellModules;
  readonly #scope: Scope;
  readonly #preloaded: Preloaded;
  readonly #tools: CellTools;

  constructor(modules: CellModules, scope: Scope, preloaded: Preloaded) {
    this.#modules = modules;
    this.#scope = scope;
    this.#preloaded = preloaded;
    this.#tools = {
      bind: (accessors) => scope.bind(accessors),
      module: (specifier) => modules.loaded(specifier),
      import: (specifier) => importHere(modules, specifier),
      meta: modules.meta,
      check: checkInterrupt,
      shell: runShell,
      html: ({ html, isolated }) =>
        displayBundle({ "text/html": html }, isolated ? { metadata: { "text/html": { isolated } } } : {}),
    };
  }

  execute(command: ExecuteCommand): void {
    const cell: RunningCell = {
      id: command.id,
      label: command.label,
      allowStdin: command.allowStdin,
      payload: [],
      abort: new AbortController(),
      interruptListeners: new Set(),
      interrupted: false,
    };
    this.#scope.begin();
    setForeground(cell);
    publishListeners();
    if (wasInterrupted(cell.id)) {
      this.stop(cell);
      return;
    }
    runIn(cell, () => {
      const run = this.#run(cell, command);
      const heard = () =>
        run.then(
          (done) => this.#finish(cell, done),
          (error: unknown) => this.fail(cell, error),
        );
      if (command.watchesUncaught) onceSettled(run, heard);
      else void heard();
    });
  }

  /** Ends a cell from outside its code, which may never come back to tell. */
  stop(cell: RunningCell): void {
    this.fail(cell, new KeyboardInterrupt());
  }

  fail(cell: RunningCell, thrown: unknown): void {
    if (foregroundCell() !== cell) return;
    const lost = this.#scope.restoreLost();
    this.#finish(cell, { type: "done", id: cell.id, error: describeError(thrown), lost, payload: [] });
  }

  #finish(cell: RunningCell, done: DoneMessage): void {
    if (foregroundCell() !== cell) return;
    const { readWatch } = cell;
    delete cell.readWatch;
    if (readWatch) sendText(cell.id, "stdout", readWatch());
    // Until this is told the cell can be interrupted, and then it ends so.
    const ended = () => {
      setForeground(undefined);
      publishListeners();
    };
    try {
      sendMessage(done, ended);
    } catch (error) {
      // A value whose bundle is no JSON, or too long for a string.
      sendMessage({ type: "done", id: done.id, error: describeError(error), lost: done.lost, payload: [] }, ended);
    }
  }

  async #run(cell: RunningCell, command: ExecuteCommand): Promise<DoneMessage> {
    await this.#preloaded.loaded(command.preloaded);
    if (command.timed) cell.readWatch = startWatch();
    this.#modules.addSideModules(command.sideModules);
    const filename = `cell-${command.id}`;
    registerCell(filename, command.label, command.lines);
    await this.#import(command.imports, filename);
    const { meta, require } = this.#modules;
    const run = compileScript(command.body, filename)(require, meta.filename, meta.dirname);
    const result = await run(this.#scope.names, this.#tools);
    checkInterrupt();
    const value = result === undefined || result.value === undefined ? undefined : await toBundle(result.value);
    await displaysOf(cell);
    return {
      type: "done",
      id: cell.id,
      lost: [],
      payload: cell.payload,
      ...(value !== undefined && { value }),
    };
  }

  async #import(imports: readonly CellImport[], filename: string): Promise<void> {
    this.#modules.lookAgain();
    for (const { specifier, line } of imports) {
      try {
        await this.#modules.import(specifier);
      } catch (error) {
        throw importedAt(error, filename, line);
      }
    }
  }
}

/** `import()` of a cell, which tells where it was called, as Node's own errors of loading do not. */
async function importHere(modules: CellModules, specifier: string): Promise<Record<string, unknown>> {
  const { stack = "" } = new Error();
  try {
    return await modules.import(specifier);
  } catch (error) {
    throw calledFrom(error, stack.split("\n").slice(1).join("\n"));
  }
}

/** To the inspector, an exception for which a handler waits is a caught one; so the handler comes only at the end. */
function onceSettled(promise: Promise<unknown>, then: () => void): void {
  const stop = promiseHooks.onSettled((settled) => {
    if (settled !== promise) return;
    stop();
    then();
  }) as () => void;
}

function compileScript(body: string, filename: string): CellScript {
  try {
    return vm.runInThisContext(`${CELL_HEAD}${body}${CELL_TAIL}`, { filename }) as CellScript;
  } catch (error) {
    throw inCell(error, filename);
  }
}
