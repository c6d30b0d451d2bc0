/** Magic cells as a script says the same. */
import { fail } from "../../lib/errors.js";
import { toCellSource } from "../cells/cellSource.js";
import { type CellRequest, readCell, type ShellCell } from "../magics/read.js";

export interface ScriptText {
  text: string;
  /** The cell's time is to be printed. */
  timed: boolean;
}

/** The cell in TypeScript, its magics as comments above; as it is when it has none, or one that this kernel has not. */
export function toScriptText(source: string): ScriptText {
  refuseModuleCell(source);
  let request: CellRequest;
  try {
    request = readCell(source);
  } catch {
    return { text: source, timed: false };
  }
  const { imports = "", code } = bodyOf(request);
  return { text: imports + headOf(source) + code, timed: request.time };
}

function headOf(source: string): string {
  let head = "";
  for (const line of source.split("\n").map((one) => one.trim())) {
    if (line !== "" && !line.startsWith("%")) break;
    if (line !== "") head += `// ${line}\n`;
    // What follows is another language, in which nothing is a magic.
    if (/^%%\s*(?:sh|bash|html)\b/.test(line)) break;
  }
  return head;
}

interface Body {
  imports?: string;
  code: string;
}

function bodyOf(request: CellRequest): Body {
  if (request.kind === "shell") return runsShell(request);
  if (request.kind === "html") {
    return { code: `display({ "text/html": ${template(request.html)} }, { raw: true });` };
  }
  return { code: toCellSource(request.code).text.replace(/^(?:[ \t\r]*\n)+/, "") };
}

function runsShell({ program, flags, mayFail, script }: ShellCell): Body {
  const run = mayFail ? "spawnSync" : "execFileSync";
  const words = [...flags, "-c"].map((word) => JSON.stringify(word)).join(", ");
  return {
    imports: `import { ${run} } from "node:child_process";\n`,
    code: `void ${run}("${program}", [${words}, ${template(script.trim())}], { stdio: ["ignore", "inherit", "inherit"] });`,
  };
}

/** A template literal whose value is the text. */
function template(text: string): string {
  return `\`${text.replaceAll(/[\\`]|\$(?=\{)/g, "\\$&").replaceAll("\r", "\\r")}\``;
}

function refuseModuleCell(source: string): void {
  const [, name] = /^\s*\/\*\*(?:(?!\*\/)[\s\S])*@module\s+(\w+)\s*(?:\n|\*\/)/.exec(source) ?? [];
  if (name === undefined) return;
  fail(`A cell makes itself the module "${name}", and a script is one module.`, {
    hint: `Move the cell into a file ${name}.ts beside the notebook; what imports it stays as it is.`,
  });
}
