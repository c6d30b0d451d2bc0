"""Writes decoderLayer.json: a Qwen2 decoder layer of transformers with LoRA of PEFT on every projection, float32.

Output, input gradient and LoRA gradients of sum(output * dy) for two sequences, each run on its own without padding.
Run in the environment of requirements-peers.txt: python tests/lib/native/golden/make.py
"""

import base64
import json
from pathlib import Path

import peft
import torch
import transformers
from transformers.models.qwen2.modeling_qwen2 import Qwen2DecoderLayer, Qwen2RotaryEmbedding

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
LENGTHS = [5, 9]
RANK, ALPHA = 2, 3

torch.manual_seed(20)
config = transformers.Qwen2Config(
    hidden_size=16, intermediate_size=24, num_attention_heads=4, num_key_value_heads=2, head_dim=4,
    num_hidden_layers=1, vocab_size=8, rms_norm_eps=1e-6, rope_theta=10000.0, attn_implementation="eager",
)
layer = Qwen2DecoderLayer(config, layer_idx=0).float()
with torch.no_grad():
    for name, parameter in layer.named_parameters():
        parameter.copy_(torch.randn_like(parameter) * 0.3 + (1.0 if "norm" in name else 0.0))
model = peft.inject_adapter_in_model(
    peft.LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=PROJECTIONS), layer
)
with torch.no_grad():
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.copy_(torch.randn_like(parameter) * 0.3)
rotary = Qwen2RotaryEmbedding(config)
x = torch.randn(sum(LENGTHS), config.hidden_size, requires_grad=True)
dy = torch.randn_like(x)

outputs = []
for part in x.split(LENGTHS):
    length = part.shape[0]
    positions = torch.arange(length)[None]
    mask = torch.full((length, length), float("-inf")).triu(1)[None, None]
    result = model(
        part[None],
        attention_mask=mask,
        position_ids=positions,
        position_embeddings=rotary(part[None], positions),
    )
    outputs.append((result[0] if isinstance(result, tuple) else result).reshape(length, -1))
y = torch.cat(outputs)
(y * dy).sum().backward()


def encoded(tensor):
    return base64.b64encode(tensor.detach().contiguous().numpy().tobytes()).decode()


def projection(name):
    module = model.get_submodule(("self_attn." if name in PROJECTIONS[:4] else "mlp.") + name)
    a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
    bias = module.base_layer.bias
    return {
        "weight": encoded(module.base_layer.weight),
        "bias": None if bias is None else encoded(bias),
        "a": encoded(a), "b": encoded(b), "aGrad": encoded(a.grad), "bGrad": encoded(b.grad),
    }


golden = {
    "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__},
    "geometry": {
        "hiddenSize": 16, "intermediateSize": 24, "numHeads": 4, "numKvHeads": 2, "headDim": 4,
        "rmsNormEps": 1e-6, "ropeTheta": 10000,
    },
    "lengths": LENGTHS,
    "scaling": ALPHA / RANK,
    "inputNorm": encoded(model.input_layernorm.weight),
    "postAttentionNorm": encoded(model.post_attention_layernorm.weight),
    "projections": {name: projection(name) for name in PROJECTIONS},
    "x": encoded(x), "dy": encoded(dy), "y": encoded(y), "dx": encoded(x.grad),
}
Path(__file__).with_name("decoderLayer.json").write_text(json.dumps(golden, indent=1) + "\n")
