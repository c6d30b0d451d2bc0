"""Attention on the GPU against torch: random varlen batches, the head counts of Qwen 14B, Llama 8B and Qwen 0.5B.

The oracle is float64 arithmetic on the same halves; torch's own kernels in the same type stand beside it. Run by run.sh.
"""

import sys

import torch
import torch.nn.functional as F

from ops import Ops

SHAPES = [(40, 8, 128), (32, 8, 128), (14, 2, 64)]
BATCHES = [[735, 402, 1033, 64, 1, 900], [2048], [129, 127, 65, 63, 3]]
# Largest error of outputs and gradients: float16 has three bits more.
CASES = [(torch.bfloat16, "bf16", BATCHES, (5e-3, 1e-2)), (torch.float16, "f16", BATCHES[:1], (1e-3, 2e-3))]


def torch_attention(qkv, heads, kv_heads, dim, lengths, d_out, dtype):
    """Sequence by sequence; gives out and dqkv."""
    qkv = qkv.to(dtype).requires_grad_()
    outputs, first = [], 0
    for length in lengths:
        rows = qkv[first : first + length]
        q, k, v = rows.split([heads * dim, kv_heads * dim, kv_heads * dim], dim=1)
        shape = lambda x, n: x.reshape(length, n, dim).transpose(0, 1)[None]
        q, k, v = shape(q, heads), shape(k, kv_heads), shape(v, kv_heads)
        k, v = (x.repeat_interleave(heads // kv_heads, dim=1) for x in (k, v))
        if dtype == torch.float64:
            scores = q @ k.transpose(-1, -2) / dim**0.5
            mask = torch.ones(length, length, dtype=torch.bool, device=q.device).tril()
            out = scores.masked_fill(~mask, float("-inf")).softmax(-1) @ v
        else:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        outputs.append(out[0].transpose(0, 1).reshape(length, heads * dim))
        first += length
    out = torch.cat(outputs)
    out.backward(d_out.to(dtype))
    return out.detach(), qkv.grad


def error(actual, expected):
    expected = expected.double().cpu()
    return ((actual.double().cpu() - expected).norm() / expected.norm()).item()


failed = False
for dtype, kind, batches, limits in CASES:
    for seed, (heads, kv_heads, dim) in enumerate(SHAPES):
        for lengths in batches:
            torch.manual_seed(seed)
            rows, width, q_width = sum(lengths), (heads + 2 * kv_heads) * dim, heads * dim
            qkv = torch.randn(rows, width, device="cuda").to(dtype)
            d_out = torch.randn(rows, q_width, device="cuda").to(dtype)
            expected = torch_attention(qkv, heads, kv_heads, dim, lengths, d_out, torch.float64)
            peer = torch_attention(qkv, heads, kv_heads, dim, lengths, d_out, dtype)
            ops = Ops()
            batch = {
                "cuSeqlens": ops.host("cu", torch.tensor([0, *torch.tensor(lengths).cumsum(0)], dtype=torch.int32)),
                "positions": ops.host("positions", torch.cat([torch.arange(n) for n in lengths]).int()),
            }
            geometry = {"numHeads": heads, "numKvHeads": kv_heads, "headDim": dim}
            inputs = ops.tensor("qkv", qkv), geometry, batch
            out, lse = ops.empty("out", kind, rows * q_width), ops.empty("lse", "f32", rows * heads)
            dqkv = ops.empty("dqkv", kind, rows * width)
            for _ in range(3):
                ops.call("attentionForward", *inputs, out, lse)
            for _ in range(3):
                ops.call("attentionBackward", *inputs, out, lse, ops.tensor("d_out", d_out), dqkv)
            result = ops.run("out", "dqkv")
            own = error(result["out"].view(rows, -1), expected[0]), error(result["dqkv"].view(rows, -1), expected[1])
            theirs = error(peer[0], expected[0]), error(peer[1], expected[1])
            good = own[0] < limits[0] and own[1] < limits[1]
            failed |= not good
            forward, backward = (min(r["milliseconds"] for r in ops.results[i : i + 3]) for i in (0, 3))
            print(
                f"{'ok  ' if good else 'FAIL'} attention {kind} {heads}/{kv_heads} x {dim}, {rows:5} rows: "
                f"out {own[0]:.2e} (torch {theirs[0]:.2e}), gradient {own[1]:.2e} (torch {theirs[1]:.2e}), "
                f"{forward:.2f} ms and {backward:.2f} ms with the call",
                flush=True,
            )
sys.exit(failed)
