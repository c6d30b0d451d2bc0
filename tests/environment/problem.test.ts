import assert from "node:assert/strict";
import { explain } from "../../environment/problem.mjs";

describe("problems of the set-up", () => {
  const cases: [string, RegExp, RegExp][] = [
    ["OSError: [Errno 28] No space left on device", /disk is full/, /Free about 2 GB/],
    ["npm error code ENOSPC", /disk is full/, /run the same command again/],
    ["EACCES: permission denied, mkdir 'build'", /cannot be written/, /writable for this user/],
    ["npm error request failed, reason: getaddrinfo ENOTFOUND", /could not be reached/, /HTTPS_PROXY/],
    [
      "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution",
      /could not be reached/,
      /finished stages/,
    ],
    [
      "`npm ci` can only install packages when your package.json and package-lock.json are in sync",
      /disagree/,
      /npm install/,
    ],
  ];

  for (const [text, message, hint] of cases) {
    it(`say in plain words: ${text.slice(0, 50)}`, () => {
      const problem = explain("Installing", text);
      assert.match(problem.message, message);
      assert.match(problem.hint ?? "", hint);
    });
  }

  it("show the last lines and the log of anything else", () => {
    const problem = explain("Compiling", "1\n2\n3\n4\n5\n6\nerror: x\n", "build/logs/native.log");
    assert.equal(problem.message, "Compiling failed.\n3\n4\n5\n6\nerror: x");
    assert.equal(problem.hint, "Log: build/logs/native.log");
  });
});
