"""What the comparisons share: the machine, the projections, models as transformers and PEFT load them, error norms, and a
report that grows as a part goes on.
"""

import json
import os
from pathlib import Path

import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# A GPU computes as the Trainer does with bf16=True; a processor, for trying these scripts out, in float32 unless told.
NARROW = DEVICE == "cuda" or os.environ.get("TUNELAB_GPU_DTYPE") == "bfloat16"
DTYPE = torch.bfloat16 if NARROW else torch.float32
PLACE = {"": 0 if DEVICE == "cuda" else "cpu"}
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def type_of(kind):
    """What a kind of comparison computes in."""
    wide = kind == "float32" or not NARROW
    return torch.float32 if wide else torch.float16 if kind == "float16" else DTYPE


class Report:
    """Lines on the standard output and figures in a JSON file, written as they come: what is cut short leaves what it has."""

    def __init__(self, name):
        self.path = Path(os.environ.get("TUNELAB_GPU_RESULTS", "."), f"{name}.json")
        self.figures = {}
        self.failed = False

    def add(self, **figures):
        self.figures.update(figures)
        self.path.write_text(json.dumps(self.figures))

    def check(self, good, line):
        self.failed |= not good
        print(f"{'ok  ' if good else 'FAIL'} {line}", flush=True)
        self.add(failed=self.failed)


def ours(name):
    """The figures that our side of a comparison wrote."""
    return json.loads(Path(os.environ.get("TUNELAB_GPU_RESULTS", "."), f"{name}.json").read_text())


def is_projection(name):
    return name.endswith(".weight") and name.split(".")[-2] in PROJECTIONS


def through_nf4(model):
    """Replaces the projections' weights by what their NF4 codes with double quantisation stand for."""
    import bitsandbytes.functional as functional

    for name, weight in model.named_parameters():
        if is_projection(name):
            packed, state = functional.quantize_4bit(weight.data, blocksize=64, compress_statistics=True, quant_type="nf4")
            weight.data.copy_(functional.dequantize_4bit(packed, state))


def load_dense(folder, dtype, quantised):
    """The model of a folder with its adapter, unquantised; on request its weights went through NF4."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, device_map=PLACE, attn_implementation="sdpa")
    model.requires_grad_(False)
    if quantised:
        through_nf4(model)
    return PeftModel.from_pretrained(model, Path(folder, "adapter"), is_trainable=True)


def four_bits():
    """QLoRA's quantisation as it is configured everywhere."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=DTYPE
    )


def computing(dtype=DTYPE):
    """Mixed precision as the Trainer sets it up; none in float32."""
    return torch.autocast(DEVICE, dtype if dtype != torch.float32 else torch.bfloat16, enabled=dtype != torch.float32)


def row_loss(model, row, items):
    """A text's share of the mean loss over `items` predicted tokens."""
    ids = torch.tensor(row, device=DEVICE)
    logits = model(input_ids=ids[None], use_cache=False).logits[0, :-1].float()
    return torch.nn.functional.cross_entropy(logits, ids[1:], reduction="sum") / items


def checkpoint_activations(model):
    """Recomputes each layer in the backward pass."""
    model.enable_input_require_grads()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})


def difference(actual, expected):
    """||actual - expected|| / ||expected||"""
    actual, expected = actual.double().reshape(-1), expected.double().reshape(-1)
    return ((actual - expected).norm() / expected.norm()).item()


def synchronize():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def peak_gib(which="allocated"):
    """Most memory that torch had handed out ("allocated") or taken from the driver ("reserved")."""
    return getattr(torch.cuda, f"max_memory_{which}")() / 2**30 if DEVICE == "cuda" else None
