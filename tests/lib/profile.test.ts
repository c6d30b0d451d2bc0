import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../../lib/packageRoot.js";

/** The profile that a process of its own picks, or its error. */
function pick(environment: Record<string, string>): string {
  const code = `import { currentProfile } from ${JSON.stringify(join(packageRoot, "lib/profile.ts"))};
    try { const { name, backend, reason } = await currentProfile(); console.log(JSON.stringify({ name, backend, reason })); }
    catch (error) { console.log(error.message); }`;
  const { TUNELAB_PROFILE: _, ...rest } = process.env;
  const env = { ...rest, TUNELAB_BACKEND: "wasm", ...environment };
  const run = spawnSync(process.execPath, ["--import=tsx", "--input-type=module", "-e", code], {
    cwd: packageRoot,
    env,
    encoding: "utf8",
  });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout;
}

describe("the profile", () => {
  it("is the embedded one without a GPU, and says why", () => {
    const picked = JSON.parse(pick({}));
    assert.equal(picked.name, "embedded");
    assert.equal(picked.backend, "wasm");
    assert.match(picked.reason, /No CUDA backend/);
  });

  it("is the one that TUNELAB_PROFILE names", () => {
    assert.match(JSON.parse(pick({ TUNELAB_PROFILE: "article" })).reason, /TUNELAB_PROFILE asks for the article/);
    assert.match(pick({ TUNELAB_PROFILE: "embeded" }), /TUNELAB_PROFILE is "embeded"\. Did you mean "embedded"\?/);
  });
});
