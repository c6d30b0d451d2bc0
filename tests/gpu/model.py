"""Two layers of the 14B model's shape on the GPU against transformers in bf16, on the same NF4 weights: logits' loss and the
gradients of LoRA, one padding-free batch against one sequence at a time.

LoRA stands in transformers as PEFT computes it: y + s B(A(x)). Run by run.sh.
"""

import sys

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from ops import Ops

HIDDEN, FFN, HEADS, KV_HEADS, DIM, VOCABULARY, LAYERS, RANK = 5120, 13824, 40, 8, 128, 32000, 2, 16
LENGTHS = [735, 402, 64, 900]
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
config = Qwen2Config(
    hidden_size=HIDDEN, intermediate_size=FFN, num_attention_heads=HEADS, num_key_value_heads=KV_HEADS,
    num_hidden_layers=LAYERS, vocab_size=VOCABULARY, rms_norm_eps=1e-5, tie_word_embeddings=False,
    rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    max_position_embeddings=4096, attn_implementation="sdpa",
)
with torch.device("cuda"):
    model = Qwen2ForCausalLM(config).to(torch.bfloat16)
    # Loading a checkpoint in bf16 leaves the frequencies in float32; `to` does not.
    model.model.rotary_emb = type(model.model.rotary_emb)(config)
model.requires_grad_(False)
# Distinct tokens and layers that change them by a part only, as in a trained model: without that, the gradients are sums
# that cancel, and bf16 gives noise in any implementation.
model.model.embed_tokens.weight.data.normal_(0, 1)


class Lora(torch.nn.Module):
    """A frozen linear layer with PEFT's arithmetic beside it; parameters in float32, products in bf16."""

    def __init__(self, base):
        super().__init__()
        self.base = base
        out, inputs = base.weight.shape
        self.a = torch.nn.Parameter((torch.rand(RANK, inputs, device="cuda") * 2 - 1) / inputs**0.5)
        self.b = torch.nn.Parameter(torch.randn(out, RANK, device="cuda") * 0.02)

    def forward(self, x):
        return self.base(x) + x @ self.a.to(x.dtype).T @ self.b.to(x.dtype).T


ops = Ops()
code, empty = ops.tensor("code", CODE), ops.empty("none", "f32", 1)
handles, gradients, loras = [], [], {}
for index, layer in enumerate(model.model.layers):
    projections, sums = {}, {}
    for name, (inputs, out) in SIZES.items():
        parent = layer.self_attn if hasattr(layer.self_attn, name) else layer.mlp
        linear = getattr(parent, name)
        # Random codes with normally distributed counts: what quantised weights look like.
        codes = (torch.randn(out * inputs, device="cuda") * 3 + 7.5).round().clamp(0, 15).to(torch.uint8)
        absmax = torch.rand(out * inputs // 64, device="cuda") * 0.01 + 0.005
        linear.weight.data = (CODE.cuda()[codes.long()].view(-1, 64) * absmax[:, None]).view(out, inputs).bfloat16()
        lora = Lora(linear)
        setattr(parent, name, lora)
        key = f"{name}{index}"
        loras[key] = lora
        packed = codes[::2] << 4 | codes[1::2]
        state = {
            "shape": [out, inputs], "packed": ops.tensor(f"{key}packed", packed), "absmax": ops.tensor(f"{key}absmax", absmax),
            "blockSize": 64, "offset": 0, "nestedAbsmax": empty, "nestedBlockSize": 256, "code": code, "nestedCode": empty,
        }
        bias = None
        if linear.bias is not None:
            linear.bias.data.normal_(0, 0.1)
            bias = ops.tensor(f"{key}bias", linear.bias.float())
        pair = {"a": ops.tensor(f"{key}a", lora.a), "b": ops.tensor(f"{key}b", lora.b), "scaling": 1, "dropout": 0}
        projections[name] = {
            "inFeatures": inputs, "outFeatures": out, "weight": {"kind": "nf4", "state": state}, "bias": bias, "lora": pair,
        }
        sums[name] = {"a": ops.empty(f"{key}da", "f32", RANK * inputs), "b": ops.empty(f"{key}db", "f32", out * RANK)}
    norms = [ops.tensor(f"norm{index}{i}", norm.weight.float()) for i, norm in enumerate((layer.input_layernorm, layer.post_attention_layernorm))]
    geometry = {
        "hiddenSize": HIDDEN, "intermediateSize": FFN, "numHeads": HEADS, "numKvHeads": KV_HEADS, "headDim": DIM,
        "rmsNormEps": 1e-5, "ropeTheta": 1e6,
    }
    descriptor = {"geometry": geometry, "inputNorm": norms[0], "postAttentionNorm": norms[1], "projections": projections}
    handles.append(ops.call("createDecoderLayer", descriptor, name=f"layer{index}"))
    gradients.append(sums)

rows, items = sum(LENGTHS), sum(length - 1 for length in LENGTHS)
ids = torch.randint(0, VOCABULARY, (rows,), dtype=torch.int32)

# --- transformers, a sequence at a time: in bf16, then in float32 as the judge of both -------------------------------


def reference():
    loss, first = 0.0, 0
    for lora in loras.values():
        lora.a.grad = lora.b.grad = None
    for length in LENGTHS:
        part = ids[first : first + length].long().cuda()
        logits = model(part[None], position_ids=torch.arange(length, device="cuda")[None]).logits[0, :-1].float()
        share = torch.nn.functional.cross_entropy(logits, part[1:], reduction="sum") / items
        share.backward()
        loss += share.item()
        first += length
    return loss, {f"{key}d{part}": getattr(lora, part).grad.double().cpu() for key, lora in loras.items() for part in "ab"}


weights = model.model.embed_tokens.weight.clone(), model.lm_head.weight.clone()
narrow_loss, narrow = reference()
model.float()
exact_loss, exact = reference()

# --- the addon, all at once ------------------------------------------------------------------------------------------
batch = {
    "cuSeqlens": ops.host("cu", torch.tensor([0, *torch.tensor(LENGTHS).cumsum(0)], dtype=torch.int32)),
    "positions": ops.host("positions", torch.cat([torch.arange(n) for n in LENGTHS]).int()),
}


def dense(name, weight):
    return ops.call("createLinear", {
        "inFeatures": HIDDEN, "outFeatures": VOCABULARY, "bias": None, "lora": None,
        "weight": {"kind": "dense", "values": ops.tensor(f"{name}weight", weight)},
    }, name=name)


table, head = dense("table", weights[0]), dense("head", weights[1])
norm = ops.tensor("norm", model.model.norm.weight.float())
host_ids = ops.host("ids", ids)
x = [ops.empty(f"x{i}", "bf16", rows * HIDDEN) for i in range(LAYERS + 1)]
ops.call("embedding", table, host_ids, x[0])
states = [
    ops.call("decoderLayerForward", handles[i], x[i], x[i + 1], batch, {"saving": "all", "training": True, "seed": 0}, name=f"state{i}")
    for i in range(LAYERS)
]
final, rstd, d_final = ops.empty("final", "bf16", rows * HIDDEN), ops.empty("rstd", "f32", rows), ops.empty("d_final", "bf16", rows * HIDDEN)
d = [ops.empty(f"d{i}", "bf16", rows * HIDDEN) for i in range(LAYERS + 1)]
loss_sum = ops.empty("loss", "f32", 1)
ops.call("rmsNormForward", x[LAYERS], norm, 1e-5, final, rstd)
ops.call("linearCrossEntropyQueued", head, final, host_ids, batch["cuSeqlens"], 1 / items, d_final, loss_sum)
ops.call("rmsNormBackward", x[LAYERS], norm, rstd, d_final, d[LAYERS])
for i in reversed(range(LAYERS)):
    ops.call("decoderLayerBackward", handles[i], states[i], x[i], d[i + 1], d[i] if i else None, batch, gradients[i])
result = ops.run("loss", *(f"{key}d{part}" for key in loras for part in "ab"))

own = result["loss"].item() / items
failed = not abs(own - narrow_loss) < 1e-3
print(
    f"{'FAIL' if failed else 'ok  '} loss of {LAYERS} layers at 14B shape: {own:.6f}; "
    f"transformers {narrow_loss:.6f} in bf16, {exact_loss:.6f} in float32"
)


def difference(actual, expected):
    return ((actual.double().view_as(expected) - expected).norm() / expected.norm()).item()


worst = [0.0, 0.0, 0.0]
for name, expected in exact.items():
    ours, theirs, between = difference(result[name], expected), difference(narrow[name], expected), difference(result[name], narrow[name])
    worst = [max(pair) for pair in zip(worst, (ours, theirs, between))]
    if not ours < max(2e-2, 1.1 * theirs):
        failed = True
        print(f"FAIL gradient {name}: {ours:.3e} from float32, transformers in bf16 {theirs:.3e}")
print(
    f"{'FAIL' if failed else 'ok  '} {len(exact)} LoRA gradients, largest relative difference: {worst[0]:.3e} from float32, "
    f"transformers in bf16 {worst[1]:.3e}, from each other {worst[2]:.3e}"
)
sys.exit(failed)
