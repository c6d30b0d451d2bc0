/** The widgets' declaration for cells says what their classes are: neither can change without the other. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { WIDGETS_DECLARATION } from "../../kernel/runner/widgets/declaration.js";
import * as widgets from "../../kernel/runner/widgets/index.js";

const INDEX = fileURLToPath(new URL("../../kernel/runner/widgets/index.ts", import.meta.url));
const DECLARED = "/declared.d.ts";
const CHECK = fileURLToPath(new URL("./widgetTypesCheck.ts", import.meta.url));

/** Members that classes have for each other, and cells do not see. */
const INTERNAL = ["reference", "snapshot", "toString"];

describe("the widgets' declaration", () => {
  const faultsOf = (declaration: string) => {
    const lines = [
      `import type * as classes from "${INDEX.replace(/\.ts$/, ".js")}";`,
      "type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;",
      `type Hidden = ${INTERNAL.map((name) => `"${name}"`).join(" | ")} | symbol;`,
      // A child is any widget, in either's own words.
      "type Plain<A extends readonly unknown[]> = { [I in keyof A]: A[I] extends readonly { modelId: string }[] | undefined ? 0 : A[I] };",
      "type Options<A extends readonly unknown[]> = { [I in keyof A]: keyof Required<A>[I] };",
      ...Object.keys(widgets).flatMap((name) => [
        `const members${name}: Same<Exclude<keyof classes.${name}, Hidden>, keyof ${name}> = true;`,
        `const instance${name} = (one: Omit<classes.${name}, Hidden>): Omit<${name}, "children"> => one;`,
        `type Given${name} = ConstructorParameters<typeof ${name}>;`,
        `const given${name} = (given: Plain<Given${name}>): Plain<ConstructorParameters<typeof classes.${name}>> => given;`,
        `const options${name}: Same<Options<Given${name}>, Options<ConstructorParameters<typeof classes.${name}>>> = true;`,
      ]),
    ];
    const files: Record<string, string> = { [DECLARED]: declaration, [CHECK]: lines.join("\n") };
    const options: ts.CompilerOptions = {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.NodeNext,
      lib: ["lib.es2023.d.ts"],
      types: ["node"],
    };
    const host = ts.createCompilerHost(options);
    const { getSourceFile, fileExists } = host;
    host.fileExists = (path) => path in files || fileExists(path);
    host.getSourceFile = (path, ...rest) => {
      const text = files[path];
      return text === undefined
        ? getSourceFile(path, ...rest)
        : ts.createSourceFile(path, text, ts.ScriptTarget.ES2023);
    };
    const program = ts.createProgram([DECLARED, CHECK], options, host);
    return [DECLARED, CHECK].flatMap((path) =>
      program.getSemanticDiagnostics(program.getSourceFile(path)).map(({ messageText, start = 0, file }) => {
        const line = file?.text.slice(start).split("\n")[0]?.slice(0, 60);
        return `${line}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
      }),
    );
  };

  it("has the members and options of the classes", function () {
    this.timeout(30_000);
    assert.deepEqual(faultsOf(WIDGETS_DECLARATION), []);
  });

  it("would be told of a member or an option that only one of them has", function () {
    this.timeout(60_000);
    const lacksMember = WIDGETS_DECLARATION.replace("  clearOutput(): void;\n", "");
    assert.match(faultsOf(lacksMember).join("\n"), /membersOutput/);
    const lacksOption = WIDGETS_DECLARATION.replace("  readout?: boolean;\n", "");
    assert.match(faultsOf(lacksOption).join("\n"), /optionsIntSlider/);
  });
});
