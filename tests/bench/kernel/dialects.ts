/** The same cells in the languages of the kernels that are compared. */

export interface Dialect {
  expression(n: number): string;
  declaration(n: number): string;
  /** Prints "line 0", "line 1", ... */
  lines(count: number): string;
  /** Writes `count` chunks of 64 KiB. */
  chunks(count: number): string;
  /** Computes for so long without a pause. */
  busy(ms: number): string;
  counter: string;
  syncLoop: string;
  /** Adds to the counter as long as it runs. */
  asyncLoop: string;
  /** Something that has `method` as a completion at its end, declared beforehand. */
  completion: { before: string; code: string; match: string };
}

export const CHUNK_BYTES = 65_536;

export const TYPESCRIPT: Dialect = {
  declaration: (n) => `const value${n} = ${n} + 1;`,
  expression: (n) => `value${n} * ${n} + 2`,
  lines: (count) => `for (let i = 0; i < ${count}; i++) console.log("line " + i);`,
  chunks: (count) =>
    `const chunk = "x".repeat(${CHUNK_BYTES - 1}) + "\\n"; for (let i = 0; i < ${count}; i++) process.stdout.write(chunk);`,
  busy: (ms) => `const end = Date.now() + ${ms}; while (Date.now() < end) {}`,
  syncLoop: "while (true) {}",
  counter: "let ticks = 0;",
  asyncLoop: "while (true) { ticks++; await new Promise((resolve) => setTimeout(resolve, 1)); }",
  completion: { before: "const names = ['a', 'b'];", code: "names.joi", match: "join" },
};

export const PYTHON: Dialect = {
  declaration: (n) => `value${n} = ${n} + 1`,
  expression: (n) => `value${n} * ${n} + 2`,
  lines: (count) => `for i in range(${count}): print("line", i)`,
  chunks: (count) =>
    `import sys\nchunk = "x" * ${CHUNK_BYTES - 1} + "\\n"\nfor i in range(${count}): n = sys.stdout.write(chunk)`,
  busy: (ms) => `import time\nend = time.time() + ${ms / 1000}\nwhile time.time() < end: pass`,
  syncLoop: "while True: pass",
  counter: "ticks = 0",
  asyncLoop: "import asyncio\nwhile True:\n  ticks += 1\n  await asyncio.sleep(0.001)",
  completion: { before: "names = 'a, b'", code: "names.joi", match: "join" },
};
