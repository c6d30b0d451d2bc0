/**
 * What can stand in a cell, as a table: each row is a run of cells, with the value that a cell shows, or the error that
 * it gives (a regular expression), or nothing.
 */
import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { type TestClient, TestKernel } from "./client.js";

type Row = readonly [what: string, ...cells: (readonly [code: string, expected?: string | RegExp])[]];

const ROWS: readonly Row[] = [
  // Modules' words
  ["export default of a value", ["export default 5;", "5"], ["export default { a: 1 }", "{ a: 1 }"]],
  ["export default of a function", ["export default function seven() { return 7; }"], ["seven()", "7"]],
  ["export default of a class", ["export default abstract class A1 { b = 1 }"], ["new (class extends A1 {})().b", "1"]],
  ["export default without a name", ["export default function () { return 1; }", "[Function (anonymous)]"]],
  ["export lists", ["const e1 = 1; export { e1 }; export { e1 as e2 }; export {};"], ["e1", "1"]],
  [
    "export from elsewhere",
    ["export { sep } from 'node:path';\nexport * as pp from 'node:path';"],
    ["pp.sep === sep", "true"],
  ],
  [
    "export of patterns and lists",
    ["export const q1 = 1, [q2, { q3 }] = [2, { q3: 3 }];"],
    ["[q1, q2, q3]", "[ 1, 2, 3 ]"],
  ],
  ["export type", ["type Te = 4; export type { Te };\nexport type Tf = Te;"], ["const tf: Tf = 4; tf", "4"]],
  ["export *", ["export * from 'node:path';", /"export \*" names nothing/]],
  [
    "import = require",
    ["import ip = require('node:path'); ip.join('a', 'b')", "'a/b'"],
    ["1", "1"],
    ["ip.join('c', 'd')", "'c/d'"],
  ],
  [
    "import = of a namespace",
    ["namespace Ns { export const a = 1; export type T = number; }"],
    ["import na = Ns.a; import NT = Ns.T; const nt: NT = na; nt", "1"],
    ["(nt satisfies NT) + na", "2"],
  ],
  [
    "declare global",
    ["declare global { interface Gi { a: number } var gv: number; }\nglobalThis.gv = 5;", "5"],
    ["const gi: Gi = { a: 1 }; gv += gi.a; globalThis.gv", "6"],
    ["declare global { interface Gi { a: string } }"],
    ["const gj: Gi = { a: 'x' }; [gj, gv]", "[ { a: 'x' }, 6 ]"],
    ["const gv = 'own';"],
    ["[gv, globalThis.gv]", "[ 'own', 6 ]"],
  ],
  ["names that node's modules have", ["const require = 1, __dirname = 2;"], ["[require, __dirname]", "[ 1, 2 ]"]],
  ["the kernel's own name", ["const exports = 1;", /cannot declare "exports"/]],
  [
    "names with two underscores",
    ["const { __a, b: __b } = { __a: 1, b: 2 }; function __c() { return 3; }"],
    ["[__a, __b, __c()]", "[ 1, 2, 3 ]"],
  ],

  // Declarations across cells
  [
    "a name declared as everything in turn",
    ["const re = 1;"],
    ["class re { a = 1 }"],
    ["new re().a", "1"],
    ["function re() { return 'f'; }"],
    ["re()", "'f'"],
    ["import * as re from 'node:path';"],
    ["re.sep", "'/'"],
    ["type re = { z: number };"],
    ["const rz: re = { z: 1 }; rz", "{ z: 1 }"],
    ["enum re { P }"],
    ["re.P", "0"],
    ["let re = [1];"],
    ["re.push(2); re", "[ 1, 2 ]"],
    ["namespace re { export const inside = 3; }"],
    ["1", "1"],
    ["re.inside", "3"],
    ["const re = 'v'; re", "'v'"],
  ],
  ["const enums", ["const enum Ce { X = 1, Y = X << 2 }"], ["Ce.Y", "4"]],
  ["enums", ["enum En { A, B = 'b' }"], ["[En.A, En.B, En[0]]", "[ 0, 'b', 'A' ]"]],
  [
    "namespaces with all that they hold",
    [
      "namespace N2 { export interface I { z: number } export class K { q = 1 } export namespace Deep { export const d = 4; } export let m = 1; }",
    ],
    ["1", "1"],
    ["const ni: N2.I = { z: 1 }; [new N2.K().q, N2.Deep.d, ++N2.m, ni.z]", "[ 1, 4, 2, 1 ]"],
    ["N2.m", "2"],
  ],
  [
    "namespaces that go on in later cells",
    ["namespace Nm { export const a = 1; export type T = number; export const get = () => Nm; export const d = 1; }"],
    ["1", "1"],
    ["namespace Nm {\n  export const b: T = d + 1;\n  export const a = 'new';\n}\n[Nm.a, Nm.b]", "[ 'new', 2 ]"],
    ["const nmt: Nm.T = Nm.b; [nmt, Nm.a.length, Nm.get() === Nm]", "[ 2, 3, true ]"],
    ["namespace Nm { export interface I { z: 1 } }"],
    ["const nmi: Nm.I = { z: 1 }; [nmi.z, Nm.b]", "[ 1, 2 ]"],
    ["class Nm { own = 1 }\nnamespace Nm { export const c = 3; }"],
    ["[new Nm().own, Nm.c, 'a' in Nm]", "[ 1, 3, false ]"],
  ],
  [
    "a function with a namespace",
    ["function fn() { return fn.count; }\nnamespace fn { export let count = 1; }"],
    ["1", "1"],
    ["fn.count = 5; fn()", "5"],
  ],
  [
    "overloads",
    ["function ov(a: string): string; function ov(a: number): number; function ov(a: unknown) { return a; }"],
    ["ov(1).toFixed(1) + ov('x').toUpperCase()", "'1.0X'"],
  ],
  [
    "generics",
    ["function id1<T extends { id: number }>(a: T): T['id'] { return a.id; }\ntype Pair<A, B = A> = [A, B];"],
    ["const pr: Pair<number> = [id1({ id: 4 }), 1]; pr", "[ 4, 1 ]"],
  ],
  [
    "abstract classes",
    [
      "abstract class Base<T> { protected abstract get(): T; run() { return this.get(); } static make() { return 1; } #p = 1; get p() { return this.#p; } }",
    ],
    [
      "class Impl extends Base<number> { protected get() { return 42; } }\n[new Impl().run(), Impl.make(), new Impl().p]",
      "[ 42, 1, 1 ]",
    ],
    ["new Base()", /TS2511 Cannot create an instance of an abstract class/],
  ],
  [
    "decorators",
    [
      "const seen: string[] = [];\nfunction log<T extends Function>(value: T, { name }: ClassMethodDecoratorContext): T { seen.push(String(name)); return value; }",
    ],
    ["class De { @log m() { return 5; } }"],
    ["[new De().m(), seen]", "[ 5, [ 'm' ] ]"],
  ],
  [
    "old names assigned by patterns",
    ["let o1 = 1, o2 = 2;"],
    ["[o1, o2] = [o2, o1]; [o1, o2]", "[ 2, 1 ]"],
    ["({ a: o1, b: o2 } = { a: 5, b: 6 }); [o1, o2]", "[ 5, 6 ]"],
  ],

  // Disposal
  [
    "using",
    ["const log2: string[] = [];\nconst res = (v: string) => ({ v, [Symbol.dispose]() { log2.push(v); } });"],
    ["using u1 = res('a'), u2 = res('b');\nconst kept = 3;\nu1.v", "'a'"],
    ["[log2, kept]", "[ [ 'b', 'a' ], 3 ]"],
  ],
  [
    "await using",
    ["let open = true;\nawait using au = { async [Symbol.asyncDispose]() { open = false; } };\nopen", "true"],
    ["open", "false"],
  ],
  [
    "stacks of what is to be disposed of",
    ["const log3: unknown[] = [];\nconst thing = (v: string) => ({ [Symbol.dispose]() { log3.push(v); } });"],
    [
      "const stack1 = new DisposableStack(); stack1.use(thing('a')); stack1.adopt(5, (n) => log3.push(n)); stack1.defer(() => log3.push('d'));\n" +
        "{ using moved = stack1.move(); } [stack1.disposed, ...log3]",
      "[ true, 'd', 5, 'a' ]",
    ],
    ["stack1.use(thing('b'))", /ReferenceError: The stack is disposed of already/],
    [
      "await using stack2 = new AsyncDisposableStack(); stack2.defer(async () => { throw new Error('one'); }); stack2.use(thing('e')); stack2.defer(() => { throw new Error('two'); });",
      /^SuppressedError: [\s\S]*error: Error: one[\s\S]*suppressed: Error: two/,
    ],
    ["[log3.at(-1), Object.prototype.toString.call(stack1)]", "[ 'e', '[object DisposableStack]' ]"],
    ["new SuppressedError(1, 2, 'm') instanceof Error && SuppressedError(1, 2).suppressed", "2"],
    ["function* endless() { try { for (;;) yield 1; } finally { log3.push('ended'); } }"],
    ["{ using it = endless(); it.next(); } log3.at(-1)", "'ended'"],
    [
      "{ await using it = (async function* () { try { yield 1; } finally { log3.push('later'); } })(); await it.next(); } log3.at(-1)",
      "'later'",
    ],
  ],
  ["for await", ["let fa = 0; for await (const n of [Promise.resolve(1), 2]) fa += n;"], ["fa", "3"]],

  // What a cell ends with
  ["a value behind a semicolon", ["1 + 1;", "2"]],
  [
    "an object literal alone",
    ["{a: 1}", "{ a: 1 }"],
    ["{ a: 1, 'b': { c: 2 } }", "{ a: 1, b: { c: 2 } }"],
    ["{}", "{}"],
  ],
  ["an object literal behind statements", ["const k1 = 4;\n{ k1: k1, [k1]: 5 }", "{ '4': 5, k1: 4 }"]],
  ["a fault in an object literal", ["\n{ a: nowhere }", /line 2: TS2304 .*\n2 \| \{ a: nowhere \}\n {2}\| {6}\^{7}$/]],
  ["a block", ["{ const inner = 1; inner; }"], ["if (true) { 5 }"], ["try { 5 } finally {}"]],
  ["nothing to show", ["undefined"], ["void 0"], ["let un: number;"], ["label: { break label; }"]],
  ["values that are falsy", ["null", "null"], ["''", "''"], ["0", "0"]],
  [
    "functions and classes without a name",
    ["(a: number) => a", "[Function (anonymous)]"],
    ["async () => {}", "[AsyncFunction (anonymous)]"],
    ["(class {})", "[class (anonymous)]"],
  ],
  [
    "what ES2024 brought",
    ["/^\\p{Emoji}$/v.test('🎉')", "true"],
    ["'\\ud800'.toWellFormed()", "'\ufffd'"],
    ["Map.groupBy([1, 2, 3], (n) => n % 2)", "Map(2) { 1 => [ 1, 3 ], 0 => [ 2 ] }"],
    ["Object.groupBy([1, 2], (n) => (n > 1 ? 'many' : 'one'))", "[Object: null prototype] { one: [ 1 ], many: [ 2 ] }"],
    ["const wr = Promise.withResolvers<number>(); wr.resolve(4); await wr.promise", "4"],
    ["[new ArrayBuffer(8).transfer(4).byteLength, new ArrayBuffer(2, { maxByteLength: 4 }).resizable]", "[ 4, true ]"],
    ["const ab1 = new ArrayBuffer(8); [ab1.transferToFixedLength().byteLength, ab1.detached]", "[ 8, true ]"],
    ["[new ArrayBuffer(0).detached, new ArrayBuffer(1).detached]", "[ false, false ]"],
    ["Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 1)", "{ async: false, value: 'not-equal' }"],
  ],
  ["a function or class and its name", ["function tr() {} tr", "[Function: tr]"], ["class La {} La", "[class La]"]],

  // Statements that a cell cannot have
  ["return", ["return 5;", /TS1108 A 'return' statement can only be used within a function body/]],
  ["break", ["break;", /TS1105/]],
  ["continue to a label that is not there", ["for (;;) { continue away; }", /TS1115|TS1107|TS1116/]],
  [
    "less than a whole statement",
    ["function f(a", /^Cell \[\d+\], line 1: TS1005 '\)' expected\.\n1 \| function f\(a\n {2}\| {13}\^$/],
    ["class A {\n  x = 1\n\n", /line 2: TS1005 '\}' expected\.\n2 \| {3}x = 1\n {2}\| {8}\^$/],
    ["type T = ", /line 1: TS1110 Type expected/],
    ["`a\nb\n", /line 2: TS1160 Unterminated template literal\.\n2 \| b\n {2}\| {2}\^$/],
  ],
  ["JSX", ["const el = <b>x</b>;", /JSX cannot be compiled in a cell/], ["<></>", /JSX cannot/]],
  ["type assertions that look like JSX", ["<string>'cast'", "'cast'"]],

  // Comments to the checker
  ["@ts-nocheck", ["/* a */\n// @ts-nocheck\nconst nc: number = 'x'; nc", "'x'"], ["nc satisfies number", "'x'"]],
  ["@ts-nocheck in the middle", ["const nd = 1;\n// @ts-nocheck\nconst ne: number = 'x';", /TS2322/]],
  [
    "@ts-expect-error",
    ["// @ts-expect-error it is a text\nconst ee: number = 'x'; ee", "'x'"],
    ["// @ts-expect-error\n1", /TS2578/],
  ],

  // What Node has
  [
    "WebAssembly",
    [
      "(await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))) instanceof WebAssembly.Module",
      "true",
    ],
  ],
  [
    "the web's names",
    [
      "[typeof fetch, typeof URL, typeof AbortSignal.timeout, typeof structuredClone].join()",
      "'function,function,function,function'",
    ],
  ],

  // Text
  ["only types", ["type Ot = string; interface Oi { a: Ot }"], ["const oi: Oi = { a: 'x' }; oi", "{ a: 'x' }"]],
  ["only comments", ["// one"], ["/* two */"], ["/** three */\n"], ["\n  \n"]],
  ["a line for the shell", ["#!/usr/bin/env node\n1 + 1", "2"], ["\uFEFF#!/bin/x\n2", "2"]],
  ["a byte order mark and CRLF", ["\uFEFFconst bo = 1;\r\nconst cr: number = bo;\r\n\r\ncr + `\r\n`", "'1\\n'"]],
  [
    "a type error in a line that ends in CRLF",
    ["\r\nconst cl: number = 'a'\r\n", /line 2: TS2322 .*\n2 \| const cl: number = 'a'\r?\n {2}\| {7}\^\^$/],
  ],
  ["characters beyond the basic plane", ["const 𝒳 = '😀', 名 = 1; 𝒳.length + 名", "3"], ["𝒳", "'😀'"]],
  ["a caret behind such characters", ["const a𝒳 = '漢😀'; const ba: number = '😀';", /\n {2}\| {26}\^\^$/]],
  ["a line separator in a string", ["'a\u2028b'.length", "3"]],
];

describe("a cell can say", () => {
  let kernel: TestKernel;
  let client: TestClient;

  before(async () => {
    kernel = await TestKernel.start();
    client = await kernel.connect();
  });
  after(() => kernel.stop());

  for (const [what, ...cells] of ROWS) {
    it(what, async () => {
      for (const [code, expected] of cells) {
        const { reply, value } = await client.execute(code);
        const traceback = stripVTControlCharacters(((reply.traceback ?? []) as string[]).join("\n"));
        if (expected instanceof RegExp) {
          assert.match(traceback, expected, code);
        } else {
          assert.equal(reply.status, "ok", `${code}\n${traceback}`);
          assert.equal(value?.["text/plain"], expected, code);
        }
      }
    });
  }
});
