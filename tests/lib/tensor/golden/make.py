"""A tiny Qwen2 decoder layer with LoRA in PyTorch: inputs, weights, outputs and gradients for golden.test.ts.

    .peers-venv/bin/python tests/lib/tensor/golden/make.py

Made with torch 2.13.0 and transformers 5.23.0. Every sequence runs on its own, so packing is checked as well.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import Qwen2Config
from transformers.models.qwen2.modeling_qwen2 import Qwen2DecoderLayer, Qwen2RMSNorm, Qwen2RotaryEmbedding

HIDDEN, INTERMEDIATE, HEADS, KV_HEADS, VOCAB = 16, 24, 4, 2, 30
LENGTHS = [5, 3]
RANK, SCALING = 2, 2.0

torch.manual_seed(11)
config = Qwen2Config(
    hidden_size=HIDDEN,
    intermediate_size=INTERMEDIATE,
    num_attention_heads=HEADS,
    num_key_value_heads=KV_HEADS,
    num_hidden_layers=1,
    vocab_size=VOCAB,
    rms_norm_eps=1e-6,
    rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
    attn_implementation="eager",
)
layer = Qwen2DecoderLayer(config, layer_idx=0).eval()
norm = Qwen2RMSNorm(HIDDEN, 1e-6)
rotary = Qwen2RotaryEmbedding(config)


def short(tensor):
    """Values with few digits, so that the file stays small and both sides start from the same float32 numbers."""
    return torch.round(tensor.detach() * 4096) / 4096


class Lora(torch.nn.Module):
    """y = linear(x) + scaling * B A x, as PEFT's LoRA layers without dropout."""

    def __init__(self, linear):
        super().__init__()
        self.linear = linear
        self.a = torch.nn.Parameter(short(torch.randn(RANK, linear.in_features) * 0.3))
        self.b = torch.nn.Parameter(short(torch.randn(linear.out_features, RANK) * 0.3))

    def forward(self, x):
        return self.linear(x) + SCALING * F.linear(F.linear(x, self.a), self.b)


with torch.no_grad():
    for parameter in [*layer.parameters(), *norm.parameters()]:
        parameter.copy_(short(torch.randn_like(parameter) * 0.2 + (1.0 if parameter.ndim == 1 and parameter.numel() == HIDDEN else 0.0)))
        parameter.requires_grad_(False)

projections = {}
for module in (layer.self_attn, layer.mlp):
    for name in ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"):
        if hasattr(module, name):
            projections[name] = Lora(getattr(module, name))
            setattr(module, name, projections[name])

head = short(torch.randn(VOCAB, HIDDEN) * 0.5)
x = short(torch.randn(sum(LENGTHS), HIDDEN)).requires_grad_()
labels = torch.randint(0, VOCAB, (sum(LENGTHS),))
labels[1] = -100

outputs, losses, start = [], [], 0
for length in LENGTHS:
    rows = x[start : start + length][None]
    positions = torch.arange(length)[None]
    mask = torch.full((length, length), float("-inf")).triu(1)[None, None]
    y = layer(rows, attention_mask=mask, position_ids=positions, position_embeddings=rotary(rows, positions))
    y = (y[0] if isinstance(y, tuple) else y)[0]
    outputs.append(y)
    logits = norm(y) @ head.T
    target = labels[start + 1 : start + length]
    losses.append(F.cross_entropy(logits[:-1], target, ignore_index=-100, reduction="sum"))
    start += length
count = 5
loss = sum(losses) / count
loss.backward()


def values(tensor):
    return [float(f"{value:.8g}") for value in tensor.detach().flatten().tolist()]


golden = {
    "geometry": {
        "hiddenSize": HIDDEN,
        "intermediateSize": INTERMEDIATE,
        "numHeads": HEADS,
        "numKvHeads": KV_HEADS,
        "headDim": HIDDEN // HEADS,
        "rmsNormEps": 1e-6,
        "ropeTheta": 10000.0,
    },
    "lengths": LENGTHS,
    "scaling": SCALING,
    "numItems": count,
    "inputNorm": values(layer.input_layernorm.weight),
    "postAttentionNorm": values(layer.post_attention_layernorm.weight),
    "finalNorm": values(norm.weight),
    "head": values(head),
    "x": values(x),
    "labels": labels.tolist(),
    "projections": {
        name: {
            "weight": values(lora.linear.weight),
            "bias": None if lora.linear.bias is None else values(lora.linear.bias),
            "a": values(lora.a),
            "b": values(lora.b),
            "gradA": values(lora.a.grad),
            "gradB": values(lora.b.grad),
        }
        for name, lora in projections.items()
    },
    "y": values(torch.cat(outputs)),
    "loss": float(f"{loss.item():.8g}"),
    "dx": values(x.grad),
}
Path(__file__).with_name("qwen2Layer.json").write_text(json.dumps(golden) + "\n")
