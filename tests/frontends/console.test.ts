import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { frontEndsVenv, programOf } from "../../environment/paths.mjs";
import { Desk } from "./jupyter.js";

const script = fileURLToPath(new URL("console.py", import.meta.url));

describe("jupyter console", function () {
  this.timeout(180_000);
  let desk: Desk;
  before(() => {
    desk = new Desk();
  });
  after(() => desk.clear());

  it("runs cells, completes names, goes on over lines, asks, and is interrupted", async () => {
    const { code, stdout, stderr } = await desk.run("python", [
      script,
      programOf(frontEndsVenv, "jupyter-console"),
      "tunelab",
    ]);
    assert.equal(code, 0, stderr);
    const said = JSON.parse(stdout) as Record<string, string>;
    assert.match(said.start ?? "", /tunelab [\d.]+: TypeScript [\d.]+ on Node v/);
    assert.match(said.result ?? "", /Out\[1\]: 42/);
    assert.match(said.completed ?? "", /Out\[2\]: 43/);
    assert.match(said.error ?? "", /Property 'toFixd' does not exist on type 'number'. Did you mean 'toFixed'\?/);
    assert.match(said.input ?? "", /'Ada!'/);
    assert.match(said.interrupt ?? "", /KeyboardInterrupt/);
    assert.doesNotMatch(Object.values(said).join("\n"), /did not respond/);
  });
});
