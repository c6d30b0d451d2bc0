import assert from "node:assert/strict";
import { withEarlierBases } from "../../../kernel/cells/earlierBases.js";

function rebased(next: string, before: string, ...declared: string[]): string[] {
  const text = withEarlierBases(next, before, new Set(declared));
  return text.split("\n").filter((line) => line.trim() !== "");
}

describe("a base class that is declared anew", () => {
  const OLD = "declare class A<T> { own(): A<T>; readonly A: typeof A; }";
  const NEW = "declare class A { x: 1; }";
  const HEIR = "declare class B extends A<string> { b: 1; }";
  const KEPT = "declare class A·1<T> { own(): A·1<T>; readonly A: typeof A·1; }";
  const REBASED = "declare class B extends A·1<string> { b: 1; }";

  it("stays for its heirs under another name, also where it speaks of itself", () => {
    assert.deepEqual(rebased(`${NEW}\n${HEIR}`, `${OLD}\n${HEIR}`, "A"), [NEW, REBASED, KEPT]);
  });

  it("stays when what takes its name is no class", () => {
    const other = "declare const A: 1;";
    assert.deepEqual(rebased(`${other}\n${HEIR}`, `${OLD}\n${HEIR}`, "A"), [other, REBASED, KEPT]);
  });

  it("is that of an heir that the same cell declares", () => {
    assert.deepEqual(rebased(`${NEW}\n${HEIR}`, `${OLD}\n${HEIR}`, "A", "B"), [NEW, HEIR]);
  });

  it("is the old one when nothing about it has changed", () => {
    const spaced = OLD.replace("{ ", "{\n    ");
    assert.equal(withEarlierBases(`${spaced}\n${HEIR}`, `${OLD}\n${HEIR}`, new Set(["A"])), `${spaced}\n${HEIR}`);
  });

  it("is another when its own base has changed", () => {
    const middle = "declare class M extends A<1> { }";
    const last = "declare class L extends M { }";
    assert.deepEqual(rebased(`${NEW}\n${middle}\n${last}`, `${OLD}\n${middle}\n${last}`, "A", "M"), [
      NEW,
      middle,
      "declare class L extends M·1 { }",
      "declare class M·1 extends A·1<1> { }",
      KEPT,
    ]);
  });

  it("stays for what a function has made of it", () => {
    const base = "declare const B_base: Mixed & typeof A;\ndeclare class B extends B_base { }\ndeclare const of: A;";
    assert.deepEqual(rebased(`${NEW}\n${base}`, `${OLD}\n${base}`, "A"), [
      NEW,
      "declare const B_base: Mixed & typeof A·1;",
      "declare class B extends B_base { }",
      "declare const of: A;",
      KEPT,
    ]);
  });

  it("gets another name each time, and goes with its last heir", () => {
    const before = `${NEW}\n${REBASED}\ndeclare class C extends A { }\n${KEPT}`;
    const third = "declare class A { y: 1; }";
    const next = `${third}\n${REBASED}\ndeclare class C extends A { }\n${KEPT}`;
    assert.deepEqual(rebased(next, before, "A"), [
      third,
      REBASED,
      "declare class C extends A·2 { }",
      KEPT,
      "declare class A·2 { x: 1; }",
    ]);
    assert.deepEqual(rebased(`declare const B: 1;\n${NEW}\n${KEPT}`, before, "B"), ["declare const B: 1;", NEW]);
  });
});
