/** Optimizers and gradient norms on the GPU. bitsandbytes' bits are compared in optimizer.py, on its own CUDA kernels. */
import assert from "node:assert/strict";
import { SIGNED_DYNAMIC_MAP, UNSIGNED_DYNAMIC_MAP } from "../../lib/quant/dynamicMap.js";
import { normal } from "../lib/native/reference/random.js";
import { close, closeInNorm, cpu, cuda, down, downBytes, empty, note, onGpu, up } from "./device.js";

const STEP = { learningRate: 2e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, gradScale: 0.7 };
const SIZES = [4096 + 100, 16384, 777];
const gradientOf = (size: number, step: number) => normal(size + step, size, 0.01);

onGpu("CUDA optimizers", () => {
  it("AdamW with 32-bit states", () => {
    const host = SIZES.map((size) => ({
      value: normal(size, size),
      m: new Float32Array(size),
      v: new Float32Array(size),
    }));
    const device = host.map(({ value, m, v }) => ({ value: up(value), m: up(m), v: up(v) }));
    for (let step = 1; step <= 4; step++) {
      const gradients = SIZES.map((size) => gradientOf(size, step));
      cpu.adamw32(
        host.map((tensor, i) => ({ ...tensor, gradient: gradients[i]! })),
        { ...STEP, step },
      );
      cuda.adamw32(
        device.map((tensor, i) => ({ ...tensor, gradient: up(gradients[i]!) })),
        { ...STEP, step },
      );
    }
    host.forEach((tensor, i) => {
      assert.deepEqual(down(device[i]!.m), tensor.m);
      assert.deepEqual(down(device[i]!.v), tensor.v);
      close(`adamw32 ${SIZES[i]}`, down(device[i]!.value), tensor.value, 1e-7);
    });
  });

  it("AdamW with 8-bit states, small tensors in 32 bits", () => {
    const host = SIZES.map((size) => {
      const blocks = size < 4096 ? 0 : Math.ceil(size / 256);
      const state = () => (blocks ? new Uint8Array(size) : new Float32Array(size));
      const [absmax1, absmax2] = [new Float32Array(blocks), new Float32Array(blocks)];
      return { value: normal(size, size), state1: state(), state2: state(), absmax1, absmax2 };
    });
    const device = host.map((tensor) => ({
      value: up(tensor.value),
      state1: cuda.upload(tensor.state1),
      state2: cuda.upload(tensor.state2),
      absmax1: up(tensor.absmax1),
      absmax2: up(tensor.absmax2),
    }));
    const maps = [up(SIGNED_DYNAMIC_MAP), up(UNSIGNED_DYNAMIC_MAP)] as const;
    for (let step = 1; step <= 4; step++) {
      const gradients = SIZES.map((size) => gradientOf(size, step));
      cpu.adamw8bit(
        host.map((tensor, i) => ({ ...tensor, gradient: gradients[i]! })),
        SIGNED_DYNAMIC_MAP,
        UNSIGNED_DYNAMIC_MAP,
        { ...STEP, step },
      );
      cuda.adamw8bit(
        device.map((tensor, i) => ({ ...tensor, gradient: up(gradients[i]!) })),
        ...maps,
        { ...STEP, step },
      );
    }
    host.forEach((tensor, i) => {
      // The CPU op follows bitsandbytes' CPU kernels, which round differently.
      closeInNorm(`adamw8bit ${SIZES[i]} against the CPU's rounding`, down(device[i]!.value), tensor.value, 1e-4);
      if (tensor.state1 instanceof Uint8Array) {
        const codes = downBytes(device[i]!.state1);
        const far = codes.filter((code, j) => Math.abs(code - (tensor.state1 as Uint8Array)[j]!) > 2).length;
        note(`adamw8bit ${SIZES[i]}: ${far} of ${codes.length} codes more than 2 from the CPU's`);
        assert.ok(far <= codes.length / 100);
      }
    });
  });

  it("norms, clipping without a wait, scaling", () => {
    const lists = [...SIZES, 1, 100_000].map((size) => gradientOf(size, 1));
    const buffers = lists.map((values) => up(values));
    const expected = cpu.gradNorm(lists);
    closeInNorm("gradNorm", [cuda.gradNorm(buffers)], [expected], 1e-7);
    const [norm, coefficient] = [empty(1), empty(1)];
    cuda.gradNormQueued(buffers, 0.5, norm, coefficient);
    closeInNorm(
      "gradNorm queued",
      [...down(norm), ...down(coefficient)],
      [expected, Math.min(1, 0.5 / (expected + 1e-6))],
      1e-6,
    );

    const value = normal(5, 1000);
    const run = (gradScale: number | typeof coefficient) => {
      const tensor = {
        value: up(value),
        gradient: up(lists[2]!.slice(0, 777)),
        m: up(new Float32Array(777)),
        v: up(new Float32Array(777)),
      };
      tensor.value = up(value.slice(0, 777));
      cuda.adamw32([tensor], { ...STEP, step: 1, gradScale });
      return down(tensor.m);
    };
    assert.deepEqual(run(coefficient), run(down(coefficient)[0]!));
    const scaled = up(value);
    cuda.scale(scaled, 0.5);
    assert.deepEqual(
      down(scaled),
      value.map((v) => v * 0.5),
    );
  });
});
