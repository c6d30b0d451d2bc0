"""NF4, 8-bit blocks and AdamW with 8-bit states against bitsandbytes' own CUDA kernels, bit for bit.

Only bitsandbytes' library is needed, named in TUNELAB_GPU_BITSANDBYTES. Run by run.sh.
"""

import ctypes
import os
import sys

import torch

from ops import Ops

if not os.path.exists(os.environ.get("TUNELAB_GPU_BITSANDBYTES", "")):
    print("bitsandbytes' CUDA library is not here: its bits are not compared.")
    sys.exit(0)
bnb = ctypes.CDLL(os.environ["TUNELAB_GPU_BITSANDBYTES"])
failed = False


def pointer(tensor):
    return ctypes.c_void_p(tensor.data_ptr())


def floats(*values):
    return [ctypes.c_float(value) for value in values]


def check(what, actual, expected):
    global failed
    expected = expected.detach().cpu().reshape(-1)
    differ = int((actual != expected).sum())
    failed |= differ > 0
    print(f"{'ok  ' if differ == 0 else 'FAIL'} {what}: {differ} of {expected.numel()} differ", flush=True)


def dynamic_map(signed):
    """create_dynamic_map of bitsandbytes: fractions between powers of ten, twice as many without a sign."""
    values = [0.0, 1.0]
    for i in range(7):
        edges = torch.linspace(0.1, 1, 2 ** (i + (0 if signed else 1)) + 1)
        means = (10 ** (i - 6)) * ((edges[:-1] + edges[1:]) / 2.0)
        values += means.tolist() + ((-means).tolist() if signed else [])
    return torch.tensor(sorted(values), dtype=torch.float32)


signed, unsigned = dynamic_map(True), dynamic_map(False)
assert signed.numel() == 256 and unsigned.numel() == 256, (signed.numel(), unsigned.numel())

# --- NF4 ---------------------------------------------------------------------------------------------------------
torch.manual_seed(0)
for dtype, name in [(torch.float32, "fp32"), (torch.bfloat16, "bf16")]:
    for count in (64 * 300_001, 64 * 1000 + 10):
        values = (torch.randn(count, device="cuda") * 0.02).to(dtype)
        values[640:704] = 0
        packed = torch.zeros((count + 1) // 2, dtype=torch.uint8, device="cuda")
        absmax = torch.zeros((count + 63) // 64, device="cuda")
        getattr(bnb, f"cquantize_blockwise_{name}_nf4")(None, pointer(values), pointer(absmax), pointer(packed), 64, count)
        torch.cuda.synchronize()
        ops = Ops()
        ops.call(
            "quantizeNf4", ops.tensor("values", values), 64, "cuda",
            ops.empty("packed", "u8", packed.numel()), ops.empty("absmax", "f32", absmax.numel()),
        )
        out = ops.run("packed", "absmax")
        check(f"NF4 of {count} {name}: bytes", out["packed"], packed)
        check(f"NF4 of {count} {name}: scales", out["absmax"], absmax)

# --- 8-bit blocks, as the second quantisation has them --------------------------------------------------------------
scales = absmax - absmax.mean()
scales = torch.cat([scales, torch.randn(100_000, device="cuda") * 0.01])
codes = torch.zeros(scales.numel(), dtype=torch.uint8, device="cuda")
nested = torch.zeros((scales.numel() + 255) // 256, device="cuda")
code = signed.cuda()
bnb.cquantize_blockwise_fp32(pointer(code), pointer(scales), pointer(nested), pointer(codes), 256, scales.numel())
torch.cuda.synchronize()
ops = Ops()
ops.call(
    "quantizeBlockwise", ops.tensor("values", scales), ops.tensor("code", signed), 256, "cuda",
    ops.empty("codes", "u8", codes.numel()), ops.empty("absmax", "f32", nested.numel()),
)
out = ops.run("codes", "absmax")
check("8-bit blocks: codes", out["codes"], codes)
check("8-bit blocks: scales", out["absmax"], nested)

# --- AdamW with 8-bit states -----------------------------------------------------------------------------------------
STEPS, SIZE, LR, DECAY, SCALE = 10, 256 * 800 + 40, 2e-4, 0.01, 0.7
value = torch.randn(SIZE, device="cuda") * 0.02
ours = value.clone()
state1, state2 = (torch.zeros(SIZE, dtype=torch.uint8, device="cuda") for _ in range(2))
absmax1, absmax2 = (torch.zeros((SIZE + 255) // 256, device="cuda") for _ in range(2))
map1, map2 = signed.cuda(), unsigned.cuda()
ops = Ops()
tensor = {
    "value": ops.tensor("value", ours), "state1": ops.empty("state1", "u8", SIZE), "state2": ops.empty("state2", "u8", SIZE),
    "absmax1": ops.empty("absmax1", "f32", absmax1.numel()), "absmax2": ops.empty("absmax2", "f32", absmax2.numel()),
}
maps = ops.tensor("map1", signed), ops.tensor("map2", unsigned)
for step in range(1, STEPS + 1):
    gradient = torch.randn(SIZE, device="cuda") * 10 ** torch.randint(-6, 0, (SIZE,), device="cuda").float()
    gradient[::50] = 0
    gradient[7] = float("inf") if step == 3 else 0.1
    bnb.cadam_8bit_blockwise_grad_fp32(
        pointer(value), pointer(gradient), pointer(state1), pointer(state2), *floats(0.9, 0.999, 0.0, 0.0, 1e-8), step,
        *floats(LR), pointer(map1), pointer(map2), pointer(absmax1), pointer(absmax2), *floats(DECAY, SCALE),
        ctypes.c_bool(False), SIZE,
    )
    torch.cuda.synchronize()
    numbers = {"learningRate": LR, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": DECAY, "gradScale": SCALE, "step": step}
    ops.call("adamw8bit", [{**tensor, "gradient": ops.tensor(f"gradient{step}", gradient)}], *maps, numbers)
out = ops.run("value", "state1", "state2", "absmax1", "absmax2")
for name, expected in [("state1", state1), ("state2", state2), ("absmax1", absmax1), ("absmax2", absmax2), ("value", value)]:
    check(f"AdamW 8-bit, {STEPS} steps: {name}", out[name], expected)
sys.exit(failed)
