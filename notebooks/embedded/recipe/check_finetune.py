"""Fine-tunes the base model as the article does (QLoRA on NF4 weights, 60 steps of 2 x 4) and answers held-out cases.

python notebooks/embedded/recipe/check_finetune.py notebooks/embedded/model answers.json --rates 2e-3
Writes the generated answers before and after; `npx tsx notebooks/embedded/recipe/count.ts answers.json` counts them.
"""

import argparse
import json
import math
import re
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from qwen2 import Qwen2
from tokenizers import Tokenizer
from torch import nn

HERE = Path(__file__).resolve().parent
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
NF4 = [
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
]  # fmt: skip
END = 0


def nf4_round_trip(weight):
    """NF4 in blocks of 64 with double-quantised block maxima (8-bit linear steps stand in for the dynamic map)."""
    code = torch.tensor(NF4, device=weight.device)
    blocks = weight.flatten().view(-1, 64)
    scale = blocks.abs().amax(1, keepdim=True).clamp_min(1e-12)
    index = torch.bucketize(blocks / scale, (code[1:] + code[:-1]) / 2)
    offset = scale.mean()
    centered = scale - offset
    step = centered.abs().max() / 127
    return (code[index] * ((centered / step).round() * step + offset)).view_as(weight)


class LoraLinear(nn.Module):
    def __init__(self, base: nn.Linear, rank: int):
        super().__init__()
        self.register_buffer("weight", nf4_round_trip(base.weight.detach()))
        self.register_buffer("bias", None if base.bias is None else base.bias.detach())
        bound = 1 / math.sqrt(base.in_features)
        self.a = nn.Parameter(torch.empty(rank, base.in_features, device=base.weight.device).uniform_(-bound, bound))
        self.b = nn.Parameter(torch.zeros(base.out_features, rank, device=base.weight.device))

    def forward(self, x):
        return F.linear(x, self.weight, self.bias) + F.linear(F.linear(x, self.a), self.b)


def with_lora(model: Qwen2, rank: int = 16, seed: int = 7) -> list[nn.Parameter]:
    torch.manual_seed(seed)
    model.requires_grad_(False)
    for layer in model.model.layers:
        for parent in (layer.self_attn, layer.mlp):
            for name in PROJECTIONS:
                if hasattr(parent, name):
                    setattr(parent, name, LoraLinear(getattr(parent, name), rank))
    return [p for p in model.parameters() if p.requires_grad]


class Rows:
    """Token rows of the question sets in the article's template."""

    def __init__(self):
        source = (HERE.parent / "template.ts").read_text("utf-8")
        self.template = re.search(r"trainPromptStyle = `(.*?)`;", source, re.S).group(1)
        self.tokenizer = Tokenizer.from_file(str(HERE.parent / "model" / "tokenizer.json"))

    def read(self, name: str) -> list[dict]:
        return [json.loads(line) for line in (HERE.parent / "data" / name).read_text("utf-8").splitlines()]

    def training(self, row: dict) -> list[int]:
        text = self.template
        for key in ("Question", "Complex_CoT", "Response"):
            text = text.replace("{}", row[key], 1)
        return [*self.tokenizer.encode(text).ids, END]

    def prompt(self, row: dict) -> list[int]:
        return self.tokenizer.encode(self.template.removesuffix("{}\n{}").replace("{}", row["Question"], 1)).ids


def padded(rows: list[list[int]], device):
    length = max(map(len, rows))
    ids = torch.tensor([row + [1] * (length - len(row)) for row in rows], device=device)
    real = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows], device=device, dtype=torch.bool)
    return ids, real


def finetune(model: Qwen2, rows: list[list[int]], rate: float, steps: int = 60, seed: int = 3407) -> list[float]:
    device = model.model.norm.weight.device
    parameters = with_lora(model)
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed)).tolist()
    warm = math.ceil(0.1 * steps)
    losses = []
    for step in range(steps):
        scale = step / warm if step < warm else (steps - step) / (steps - warm)
        for group in optimizer.param_groups:
            group["lr"] = rate * scale
        ids, real = padded([rows[i] for i in order[step * 8 : step * 8 + 8]], device)
        labels = torch.where(real, ids, -100)[:, 1:]
        logits = model.logits(model.hidden(ids[:, :-1]))
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def generate(model: Qwen2, prompts: list[list[int]], limit: int = 180) -> list[list[int]]:
    """Greedy, all rows together; rows are filled on the right, which causal attention never sees."""
    device = model.model.norm.weight.device
    lengths = torch.tensor([len(p) for p in prompts], device=device)
    ids, _ = padded([p + [1] * limit for p in prompts], device)
    rows = torch.arange(len(prompts), device=device)
    done = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    for new in range(limit):
        hidden = model.hidden(ids[:, : int(lengths.max()) + new])
        token = model.logits(hidden[rows, lengths + new - 1]).argmax(-1)
        ids[rows, lengths + new] = torch.where(done, 1, token)
        done |= token == END
        if bool(done.all()):
            break
    out = []
    for row, start in zip(ids.tolist(), lengths.tolist()):
        new = row[start : start + limit]
        out.append(new[: new.index(END)] if END in new else new)
    return out


def quick_count(rows: list[dict], texts: list[str]) -> float:
    """A first look; score.ts is the scorer that counts."""
    named = re.compile(r"(?:^|\n)The most likely diagnosis is ([^.]+)\.")
    right = 0
    for row, text in zip(rows, texts):
        found = named.search(text)
        right += found is not None and found.group(1) == named.search(row["Response"]).group(1)
    return right / len(rows)


def check(folder: Path, rates: list[float], cases: int, device: str) -> list[dict]:
    data = Rows()
    training = [data.training(row) for row in data.read("train.jsonl")[:500]]
    held_out = data.read("test.jsonl")[:cases]
    prompts = [data.prompt(row) for row in held_out]
    results = []
    for rate in [0.0, *rates]:
        model = Qwen2.load(folder, device)
        started = time.time()
        losses = finetune(model, training, rate) if rate > 0 else []
        if rate == 0:
            with_lora(model)
        trained = time.time() - started
        texts = [data.tokenizer.decode(row) for row in generate(model, prompts)]
        share = quick_count(held_out, texts)
        first, last = (losses[0], losses[-1]) if losses else (math.nan, math.nan)
        print(f"rate {rate:g}: right {share:.2f}, loss {first:.3f} -> {last:.3f}, {trained:.1f} s", flush=True)
        results.append({"rate": rate, "losses": losses, "answers": texts})
    return results


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rates", type=float, nargs="+", default=[2e-3])
    parser.add_argument("--cases", type=int, default=100)
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options.out.write_text(json.dumps(check(options.model, options.rates, options.cases, device)))


if __name__ == "__main__":
    main()
