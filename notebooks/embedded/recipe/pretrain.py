"""Pretrains the shipped base model on the synthetic corpus. One GPU, a few minutes.

python notebooks/embedded/recipe/pretrain.py build/embedded/corpus.txt[.xz] notebooks/embedded/model
The tokenizer must stand in notebooks/embedded/model. Seeds are fixed; GPU arithmetic may still differ in the last
bits from run to run, so a rerun gives a model of the same quality rather than the same bytes.
"""

import argparse
import lzma
import math
import time
from pathlib import Path

import numpy as np
import torch
from qwen2 import Config, Qwen2
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
TOKENIZER = HERE.parent / "model" / "tokenizer.json"
WINDOW = 512


def read_tokens(path: Path) -> np.ndarray:
    """The corpus as one row of token ids, each document followed by the end-of-text token (id 0)."""
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        documents = file.read().split("\n<|endoftext|>\n")[:-1]
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    rows = []
    for start in range(0, len(documents), 20_000):
        for encoding in tokenizer.encode_batch_fast(documents[start : start + 20_000]):
            rows.append(np.array([*encoding.ids, 0], dtype=np.uint16))
    return np.concatenate(rows)


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Linear warmup over 3 %, then cosine to a twentieth."""
    warm = max(1, int(0.03 * steps))
    if step < warm:
        return peak * (step + 1) / warm
    done = (step - warm) / max(1, steps - warm)
    return peak * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done)))


def pretrain(tokens: np.ndarray, config: Config, steps: int, batch: int, peak: float, device: str, seed: int = 1) -> Qwen2:
    torch.manual_seed(seed)
    data = torch.from_numpy(tokens.astype(np.int32)).to(device)
    model = Qwen2(config).to(device)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() != 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    on_gpu = device != "cpu"
    optimizer = torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.95), fused=on_gpu)
    loss_of = torch.compile(model.loss) if on_gpu else model.loss
    offsets = torch.arange(WINDOW + 1, device=device)
    total = torch.zeros((), device=device)
    started = time.time()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, peak)
        starts = torch.randint(0, len(data) - WINDOW - 1, (batch, 1), device=device)
        window = data[starts + offsets].long()
        with torch.autocast("cuda" if on_gpu else "cpu", dtype=torch.bfloat16):
            loss = loss_of(window[:, :-1].contiguous(), window[:, 1:].contiguous())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        total += loss.detach()
        if (step + 1) % max(1, steps // 10) == 0:
            seconds = time.time() - started
            mean = total.item() / max(1, steps // 10)
            total.zero_()
            rate = (step + 1) * batch * WINDOW / seconds
            print(f"step {step + 1}/{steps} loss {mean:.4f} {rate / 1e6:.2f} M tokens/s {seconds:.0f} s", flush=True)
    return model


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--peak", type=float, default=3e-3)
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")
    tokens = read_tokens(options.corpus)
    print(f"{len(tokens) / 1e6:.1f} M tokens")
    model = pretrain(tokens, Config(), options.steps, options.batch, options.peak, device)
    model.save(options.out)
    print(f"{sum(p.numel() for p in model.parameters())} parameters")


if __name__ == "__main__":
    main()
