"""Greedy decoding of a model of the 14B model's shape on the GPU against transformers in bf16, on the same random NF4 weights
with LoRA: 64 tokens after a prompt, chosen by the recorded graph. Of 2 layers, or of TUNELAB_GPU_LAYERS.

transformers reads our tokens and must find each the likeliest, or within rounding of it. Its logits are bf16, so several
may be the likeliest: how far it follows when it generates for itself says little. Run by run.sh.
"""

import os
import sys

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from ops import Ops

HIDDEN, FFN, HEADS, KV_HEADS, DIM, VOCABULARY, RANK = 5120, 13824, 40, 8, 128, 152064, 16
LAYERS = int(os.environ.get("TUNELAB_GPU_LAYERS", 2))
PROMPT, NEW = 90, 64
QKV = HEADS * DIM, KV_HEADS * DIM
SIZES = {
    "q_proj": (HIDDEN, QKV[0]), "k_proj": (HIDDEN, QKV[1]), "v_proj": (HIDDEN, QKV[1]), "o_proj": (QKV[0], HIDDEN),
    "gate_proj": (HIDDEN, FFN), "up_proj": (HIDDEN, FFN), "down_proj": (FFN, HIDDEN),
}
CODE = torch.tensor([
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
])

torch.manual_seed(0)
torch.set_grad_enabled(False)
config = Qwen2Config(
    hidden_size=HIDDEN, intermediate_size=FFN, num_attention_heads=HEADS, num_key_value_heads=KV_HEADS,
    num_hidden_layers=LAYERS, vocab_size=VOCABULARY, rms_norm_eps=1e-5, tie_word_embeddings=False,
    rope_parameters={"rope_type": "default", "rope_theta": 1e6}, max_position_embeddings=4096, attn_implementation="sdpa",
)
torch.set_default_dtype(torch.bfloat16)
with torch.device("cuda"):
    model = Qwen2ForCausalLM(config)
    model.model.rotary_emb = type(model.model.rotary_emb)(config)
torch.set_default_dtype(torch.float32)
model.model.embed_tokens.weight.normal_(0, 1)


class Lora(torch.nn.Module):
    """A frozen linear layer with PEFT's arithmetic beside it."""

    def __init__(self, base, inputs, out):
        super().__init__()
        self.base = base
        self.a = (torch.rand(RANK, inputs, device="cuda") * 2 - 1) / inputs**0.5
        self.b = torch.randn(out, RANK, device="cuda") * 0.02

    def forward(self, x):
        return self.base(x) + x @ self.a.to(x.dtype).T @ self.b.to(x.dtype).T


ops = Ops()
code, nested_code = ops.tensor("code", CODE), ops.tensor("nested", torch.linspace(0, 1, 256))
handles = []
for index, layer in enumerate(model.model.layers):
    projections = {}
    for name, (inputs, out) in SIZES.items():
        parent = layer.self_attn if hasattr(layer.self_attn, name) else layer.mlp
        linear = getattr(parent, name)
        # Normally distributed codes, as quantised weights have, and scales of weights that keep activations at their size.
        codes = (torch.randn(out * inputs, device="cuda") * 3 + 7.5).round().clamp(0, 15).to(torch.uint8)
        scales = torch.randint(60, 256, (out * inputs // 64,), device="cuda", dtype=torch.int32).to(torch.uint8)
        blocks = -(-scales.numel() // 256)
        outer = torch.full((blocks,), 2.5 / inputs**0.5, device="cuda")
        absmax = (torch.linspace(0, 1, 256, device="cuda")[scales.long()] * outer.repeat_interleave(256)[: scales.numel()]) + 0.001
        linear.weight.data = (CODE.cuda()[codes.long()].view(-1, 64) * absmax[:, None]).view(out, inputs).bfloat16()
        if linear.bias is not None:
            linear.bias.data = torch.randn(out, device="cuda").bfloat16() * 0.1
        lora = Lora(linear, inputs, out)
        setattr(parent, name, lora)
        key = f"{name}{index}"
        state = {
            "shape": [out, inputs], "packed": ops.tensor(f"{key}codes", codes[::2] << 4 | codes[1::2]),
            "absmax": ops.tensor(f"{key}scales", scales), "blockSize": 64, "offset": 0.001,
            "nestedAbsmax": ops.tensor(f"{key}outer", outer), "nestedBlockSize": 256, "code": code, "nestedCode": nested_code,
        }
        pair = {"a": ops.tensor(f"{key}a", lora.a), "b": ops.tensor(f"{key}b", lora.b), "scaling": 1, "dropout": 0}
        bias = None if linear.bias is None else ops.tensor(f"{key}bias", linear.bias.float())
        projections[name] = {"inFeatures": inputs, "outFeatures": out, "weight": {"kind": "nf4", "state": state}, "bias": bias, "lora": pair}
    norms = [ops.tensor(f"norm{index}{i}", norm.weight.float()) for i, norm in enumerate((layer.input_layernorm, layer.post_attention_layernorm))]
    geometry = {
        "hiddenSize": HIDDEN, "intermediateSize": FFN, "numHeads": HEADS, "numKvHeads": KV_HEADS, "headDim": DIM,
        "rmsNormEps": 1e-5, "ropeTheta": 1e6,
    }
    descriptor = {"geometry": geometry, "inputNorm": norms[0], "postAttentionNorm": norms[1], "projections": projections}
    handles.append(ops.call("createDecoderLayer", descriptor, name=f"layer{index}"))

# --- the addon: the prompt, then steps ---------------------------------------------------------------------------------


def dense(name, weight):
    return ops.call("createLinear", {
        "inFeatures": HIDDEN, "outFeatures": VOCABULARY, "bias": None, "lora": None,
        "weight": {"kind": "dense", "values": ops.tensor(f"{name}weight", weight)},
    }, name=name)


def ints(name, *values):
    return ops.host(name, torch.tensor(values, dtype=torch.int32))


table, head = dense("table", model.model.embed_tokens.weight), dense("head", model.lm_head.weight)
norm = ops.tensor("norm", model.model.norm.weight.float())
prompt = torch.randint(0, VOCABULARY, (PROMPT,), dtype=torch.int32)
batch = {"cuSeqlens": ints("cu", 0, PROMPT), "positions": ints("positions", *range(PROMPT))}
cache = ops.call("createKvCache", LAYERS, QKV[1], 1, PROMPT + NEW, name="cache")
x = [ops.empty(f"x{i}", "bf16", PROMPT * HIDDEN) for i in range(LAYERS + 1)]
ops.call("embedding", table, ops.host("ids", prompt), x[0])
for i, handle in enumerate(handles):
    ops.call("decoderLayerCached", handle, cache, i, x[i], x[i + 1], batch, ints(f"none{i}", 0))
final, rstd = ops.empty("final", "bf16", PROMPT * HIDDEN), ops.empty("rstd", "f32", PROMPT)
logits, last = ops.empty("logits", "f32", PROMPT * VOCABULARY), ops.empty("last", "f32", VOCABULARY)
ops.call("rmsNormForward", x[LAYERS], norm, 1e-5, final, rstd)
# The last row alone: a table of the rows, looked up.
rows = ops.call("createLinear", {"inFeatures": HIDDEN, "outFeatures": PROMPT, "bias": None, "lora": None,
                                 "weight": {"kind": "dense", "values": final}}, name="rows")
row = ops.empty("row", "bf16", HIDDEN)
ops.call("embedding", rows, ints("lastrow", PROMPT - 1), row)
ops.call("linearForward", head, row, last, {"training": False, "seed": 0})
tokens = ops.empty("tokens", "i32", 1)
texts = {
    "lengths": ints("lengths", PROMPT), "doSample": False, "temperature": 1, "topK": 50, "topP": 1, "repetitionPenalty": 1,
    "minNewTokens": 0, "maxNewTokens": NEW, "padTokenId": 0, "eosTokenIds": ints("eos"), "seen": None, "uniforms": None, "graph": True,
}
decoder = ops.call("createDecoder", {"layers": handles, "table": table, "norm": norm, "rmsNormEps": 1e-5, "head": head},
                   cache, texts, tokens, name="decoder")
chosen = []
for i in range(NEW):
    ops.call("decoderChoose", decoder, last) if i == 0 else ops.call("decoderStep", decoder)
    chosen.append(ops.empty(f"token{i}", "i32", 1))
    ops.call("copy", tokens, chosen[-1])
result = ops.run(*(f"token{i}" for i in range(NEW)))
own = torch.cat([result[f"token{i}"] for i in range(NEW)])

# --- transformers ------------------------------------------------------------------------------------------------------
text = torch.cat([prompt, own]).long().cuda()
read = model(text[None], position_ids=torch.arange(len(text), device="cuda")[None]).logits[0, PROMPT - 1 : -1].float()
spread = read.std(dim=-1)
behind = (read.max(dim=-1).values - read.gather(1, text[PROMPT:, None])[:, 0]) / spread
same = int((behind == 0).sum())
failed = not behind.max().item() < 0.1
print(
    f"{'FAIL' if failed else 'ok  '} {LAYERS} layers at 14B shape, {NEW} greedy tokens: {same} are transformers' likeliest, the others at most "
    f"{behind.max().item():.3f} standard deviations of the logits behind it"
)
sys.exit(failed)
