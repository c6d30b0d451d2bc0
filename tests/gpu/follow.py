"""Ten steps of QLoRA with PEFT and bitsandbytes, on the texts and from the adapter of ours (parity.ts): the losses of every
step. NF4 with double quantisation, 8-bit AdamW, rate 2e-4, norms clipped to 1, as Hugging Face's recipe sets them up.

    follow.py FOLDER ...
"""

import json
import sys
import time
import traceback
from pathlib import Path

import torch

from reference import DEVICE, PLACE, Report, computing, four_bits, ours, row_loss

LOSS = 5e-3


def load(folder):
    from peft import PeftModel, prepare_model_for_kbit_training
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        folder, device_map=PLACE, quantization_config=four_bits(), attn_implementation="sdpa",
        dtype=four_bits().bnb_4bit_compute_dtype,
    )
    recompute = dict(use_gradient_checkpointing=True, gradient_checkpointing_kwargs={"use_reentrant": False})
    model = prepare_model_for_kbit_training(model, **recompute)
    return PeftModel.from_pretrained(model, Path(folder, "adapter"), is_trainable=True)


def follow(folder):
    import bitsandbytes

    layers = json.loads(Path(folder, "config.json").read_text())["num_hidden_layers"]
    steps = json.loads(Path(folder, "parity.json").read_text())["steps"]
    report, own = Report(f"follow-{layers}"), ours(f"parity-{layers}-nf4")
    started = time.time()
    model = load(folder)
    model.train()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = bitsandbytes.optim.AdamW8bit(parameters, lr=2e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    report.add(loadSeconds=time.time() - started)
    losses, norms = [], []
    for rows in steps:
        items, loss = sum(len(row) - 1 for row in rows), 0.0
        for row in rows:
            with computing():
                share = row_loss(model, row, items)
            share.backward()
            loss += share.item()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, 1.0).item())
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss)
        report.add(losses=losses, gradNorms=norms, ours=own["losses"], oursGradNorms=own["gradNorms"])
    apart = [abs(a - b) for a, b in zip(losses, own["losses"], strict=True)]
    report.add(apart=apart, seconds=time.time() - started)
    report.check(
        max(apart) <= LOSS,
        f"{layers} layers, {len(steps)} steps: losses {losses[0]:.4f} to {losses[-1]:.4f}, ours {own['losses'][0]:.4f} to "
        f"{own['losses'][-1]:.4f}, at most {max(apart):.1e} apart (step {apart.index(max(apart)) + 1}); 5e-3 is allowed",
    )
    return report.failed


failed = False
for folder in sys.argv[1:]:
    try:
        failed |= follow(folder)
    except Exception:
        traceback.print_exc()
        print(f"FAIL {folder}: not followed, see above", flush=True)
        failed = True
    if DEVICE == "cuda":
        torch.cuda.empty_cache()
sys.exit(failed)
