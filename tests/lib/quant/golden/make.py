"""Writes nf4.json and blockwise8.json: what bitsandbytes computes on the CPU for small inputs.

Run with bitsandbytes 0.50.2 and torch 2.13.0 (CPU): python tests/lib/quant/golden/make.py
One thread and AVX2, because torch's order of summation (the mean of the scales) depends on both.
Arrays are base64 of little-endian bytes; inputs are there too, so that no generator has to be matched.
"""

import os

os.environ["ATEN_CPU_CAPABILITY"] = "avx2"

import base64
import json
import pathlib

import numpy as np
import torch
from bitsandbytes import functional as F

torch.set_num_threads(1)
here = pathlib.Path(__file__).parent


def b64(tensor):
    return base64.b64encode(np.ascontiguousarray(tensor.detach().numpy()).tobytes()).decode()


def quantize_nf4(values, blocksize, double_quant):
    # F.quantize_4bit(device="cpu"), except that get_4bit_type insists on a GPU in this release.
    packed, absmax = torch.ops.bitsandbytes.quantize_4bit.default(values, blocksize, "nf4", torch.uint8)
    code = F.get_4bit_type("nf4", device="cpu")
    if not double_quant:
        return packed, F.QuantState(absmax, values.shape, code, blocksize, "nf4", values.dtype)
    offset = absmax.mean()
    qabsmax, state2 = F.quantize_blockwise(absmax - offset, blocksize=256)
    return packed, F.QuantState(qabsmax, values.shape, code, blocksize, "nf4", values.dtype, offset, state2)


generator = torch.Generator().manual_seed(20261122)


def case(name, values, blocksize=64, double_quant=True):
    packed, state = quantize_nf4(values, blocksize, double_quant)
    restored = F.dequantize_4bit(packed, state)
    entry = {
        "name": name,
        "shape": list(values.shape),
        "dtype": str(values.dtype).removeprefix("torch."),
        "blockSize": blocksize,
        "doubleQuant": double_quant,
        "values": b64(values.float()),
        "packed": b64(packed),
        "absmax": b64(state.absmax),
        "restored": b64(restored.float()),
    }
    if double_quant:
        entry["offset"] = b64(state.offset.reshape(1))
        entry["nestedAbsmax"] = b64(state.state2.absmax)
    tensors = state.as_dict(packed=True)
    entry["quantState"] = bytes(tensors["quant_state.bitsandbytes__nf4"].numpy()).decode()
    entry["tensors"] = {key: [str(value.dtype), list(value.shape)] for key, value in tensors.items()}
    return entry


def normal(*shape, scale=0.02):
    return torch.randn(*shape, generator=generator) * scale


zero_block = normal(4, 64)
zero_block[1] = 0
code = F.get_4bit_type("nf4", device="cpu")
ties = torch.cat([(code[:-1] + code[1:]) / 2, torch.tensor([1.0])]).repeat(4).reshape(1, 64)
nf4 = [
    case("normal", normal(24, 64)),
    case("without double quantisation", normal(6, 64), double_quant=False),
    case("bfloat16 weights", normal(8, 64).bfloat16()),
    case("last block cut short", normal(3, 50)),
    case("odd number of values", normal(1, 77)),
    case("blocks of 128", normal(4, 128), blocksize=128),
    case("a block of zeros", zero_block),
    case("values on the thresholds", ties, double_quant=False),
]
(here / "nf4.json").write_text(json.dumps({"code": b64(code), "cases": nf4}, indent=1) + "\n")

signed, unsigned = F.create_dynamic_map(True), F.create_dynamic_map(False)


def blockwise(name, values, table, blocksize):
    quantized, state = F.quantize_blockwise(values, code=table.clone(), blocksize=blocksize)
    restored = F.dequantize_blockwise(quantized, state)
    return {
        "name": name,
        "signed": bool(table[0] < 0),
        "blockSize": blocksize,
        "values": b64(values),
        "quantized": b64(quantized),
        "absmax": b64(state.absmax),
        "restored": b64(restored),
    }


midpoints = (signed[:-1] + signed[1:]) / 2
zeros = normal(512, scale=1.0)
zeros[256:] = 0
cases = [
    blockwise("signed, blocks of 256", normal(1500, scale=3.0), signed, 256),
    blockwise("unsigned, blocks of 256", normal(1000, scale=1e-3) ** 2, unsigned, 256),
    blockwise("every midpoint", torch.cat([midpoints, torch.tensor([1.0])]), signed, 256),
    blockwise("a block of zeros", zeros, signed, 256),
]
sums = []
for n in (1, 7, 8, 31, 32, 33, 100, 520, 1000, 4097, 20000):
    # Element i of a Weyl sequence, exact in float32, so that only the mean has to be stored.
    weyl = (((torch.arange(n, dtype=torch.int64) * 2654435769) % (1 << 32)) >> 8).float() / (1 << 24)
    sums.append({"n": n, "mean": b64(weyl.mean().reshape(1))})
(here / "blockwise8.json").write_text(
    json.dumps({"signed": b64(signed), "unsigned": b64(unsigned), "cases": cases, "weylMeans": sums}, indent=1) + "\n"
)
