import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpu } from "./reference/addon.js";
import { assertClose } from "./reference/compare.js";
import { rmsNorm } from "./reference/decoderLayer.js";
import { GEOMETRY, pack, randomLayer } from "./reference/layers.js";
import { normal } from "./reference/random.js";

describe("native runtime", () => {
  it("tells its versions and processor features", () => {
    const { blas, compiler, cpuFeatures } = cpu.version();
    assert.match(blas, /OpenBLAS/);
    assert.ok(compiler && cpuFeatures.length > 0);
  });

  it("takes numbers of threads from 1 to 64", () => {
    const threads = cpu.getThreads();
    cpu.setThreads(3);
    assert.equal(cpu.getThreads(), 3);
    cpu.setThreads(threads);
    for (const wrong of [0, 65, 1.5, Number.NaN, "2"])
      assert.throws(() => cpu.setThreads(wrong as number), /threads must be/);
  });

  it("computes nearly the same with any number of threads", () => {
    const threads = cpu.getThreads();
    const handle = cpu.createDecoderLayer(randomLayer());
    const x = normal(1, 200 * GEOMETRY.hiddenSize);
    const outputs = [1, 2, 5].map((count) => {
      cpu.setThreads(count);
      const y = new Float32Array(x.length);
      cpu.decoderLayerForward(handle, x, y, pack([150, 50]), { saving: "none", training: false, seed: 0 });
      return y;
    });
    cpu.setThreads(threads);
    for (const y of outputs) assertClose(y, outputs[0]!, 1e-6);
  });

  it("reports its memory and gives it back", () => {
    const handle = cpu.createDecoderLayer(randomLayer({ ranks: { q_proj: 2 } }));
    const x = normal(1, 400 * GEOMETRY.hiddenSize);
    const { inUse } = cpu.memory();
    const state = cpu.decoderLayerForward(handle, x, x.slice(), pack([400]), {
      saving: "all",
      training: false,
      seed: 0,
    });
    const held = cpu.memory();
    assert.ok(held.inUse > inUse && held.panels > 0 && held.peak >= held.inUse);
    cpu.dispose(state);
    assert.ok(cpu.memory().pooled > 0);
    cpu.trim();
    assert.deepEqual({ pooled: cpu.memory().pooled, panels: cpu.memory().panels }, { pooled: 0, panels: 0 });
    cpu.decoderLayerForward(handle, x, x.slice(), pack([400]), { saving: "none", training: false, seed: 0 });
  });

  it("normalises as the reference does, with its gradient", () => {
    const [width, rows, eps] = [40, 70, 1e-5];
    const x = normal(1, rows * width);
    const weight = normal(2, width);
    const dy = normal(3, rows * width);
    const [y, dx, rstd] = [new Float32Array(x.length), new Float32Array(x.length), new Float32Array(rows)];
    cpu.rmsNormForward(x, weight, eps, y, rstd);
    cpu.rmsNormBackward(x, weight, rstd, dy, dx);
    const [input, twin] = [Float64Array.from(x), Float64Array.from(weight)];
    assertClose(y, rmsNorm(input, twin, eps), 1e-6);
    const loss = () => rmsNorm(input, twin, eps).reduce((sum, value, i) => sum + value * dy[i]!, 0);
    for (const at of [0, 39, 40, 1234, 2799]) {
      const value = input[at]!;
      input[at] = value + 1e-5;
      const above = loss();
      input[at] = value - 1e-5;
      const slope = (above - loss()) / 2e-5;
      input[at] = value;
      assert.ok(Math.abs(slope - dx[at]!) < 1e-5, `${slope} ${dx[at]}`);
    }
    assert.throws(() => cpu.rmsNormForward(x, new Float32Array(0), eps, y, rstd), /expected rows of 0/);
  });

  it("says why it is not there", () => {
    const script =
      'import("./lib/native/addon.ts").then(({ loadAddon }) => console.log(JSON.stringify(loadAddon().reason)))';
    const reason = (file: string) =>
      execFileSync(process.execPath, ["--import", "tsx", "-e", script], {
        env: { ...process.env, TUNELAB_NATIVE: file },
        encoding: "utf8",
      });
    assert.match(reason("/nowhere/tunelab.node"), /\/nowhere\/tunelab.node does not exist. Build it with/);
    assert.match(reason("package.json"), /does not load/);
    assert.match(reason("0"), /switched off/);
  });
});
