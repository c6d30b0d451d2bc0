"""What transformers, PEFT and bitsandbytes compute, for the tests beside this file: reference.py COMMAND DIRECTORY.

Each command reads and writes safetensors and JSON in DIRECTORY.
"""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, Qwen2Config, Qwen2ForCausalLM

torch.set_num_threads(2)
folder = Path(sys.argv[2])


def make_model():
    """A small Qwen2 with random weights, biases and norms included, and a batch of two texts."""
    torch.manual_seed(0)
    config = Qwen2Config(vocab_size=320, hidden_size=64, intermediate_size=192, num_hidden_layers=3, num_attention_heads=4,
                         num_key_value_heads=2, max_position_embeddings=128, rope_theta=10000.0, rms_norm_eps=1e-6,
                         tie_word_embeddings=False, bos_token_id=1, eos_token_id=2, pad_token_id=0)
    model = Qwen2ForCausalLM(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 1.0 if parameter.dim() == 1 and parameter.numel() == 64 else 0.0, 0.1)
    model.save_pretrained(folder / "model")
    rows = [torch.randint(3, 320, (length,)).tolist() for length in (37, 52)]
    (folder / "rows.json").write_text(json.dumps(rows))


def padded(rows):
    """Right-padded ids, mask and labels."""
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids, mask, ids.masked_fill(mask == 0, -100)


def load(path):
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="eager")


def logits(model, rows):
    """Logits of every real token, rows laid end to end, and the mean loss of the texts."""
    ids, mask, labels = padded(rows)
    with torch.no_grad():
        out = model(input_ids=ids, attention_mask=mask, labels=labels)
    return {"logits": out.logits[mask.bool()].contiguous(), "loss": out.loss.reshape(1)}


def forward():
    save_file(logits(load(folder / "model"), json.loads((folder / "rows.json").read_text())), folder / "forward.safetensors")


def greedy():
    """Greedy continuations of each row alone."""
    model = load(folder / "model")
    rows = json.loads((folder / "rows.json").read_text())
    out = [model.generate(torch.tensor([row]), attention_mask=torch.ones(1, len(row)), do_sample=False, max_new_tokens=24,
                          eos_token_id=None, pad_token_id=0)[0].tolist() for row in rows]
    (folder / "greedy.json").write_text(json.dumps(out))


def lora():
    """Logits, loss and adapter gradients of the adapter in DIRECTORY/adapter on the model in DIRECTORY/model."""
    from peft import PeftModel
    model = PeftModel.from_pretrained(load(folder / "model"), folder / "adapter", is_trainable=True)
    rows = json.loads((folder / "rows.json").read_text())
    out = logits(model, rows)
    ids, mask, labels = padded(rows)
    model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            out["grad." + name.replace(".default", "")] = parameter.grad.contiguous()
    save_file(out, folder / "lora.safetensors")


def merged():
    save_file(logits(load(folder / "merged"), json.loads((folder / "rows.json").read_text())), folder / "merged.safetensors")


def nf4():
    """bitsandbytes' NF4 with double quantisation of DIRECTORY/values.safetensors."""
    import bitsandbytes.functional as F
    values = load_file(folder / "values.safetensors")["values"]
    packed, state = F.quantize_4bit(values, blocksize=64, compress_statistics=True, quant_type="nf4")
    save_file({"packed": packed.flatten().contiguous(), "absmax": state.absmax.contiguous(), "nested_absmax": state.state2.absmax.contiguous(),
               "offset": state.offset.reshape(1).contiguous(), "back": F.dequantize_4bit(packed, state).contiguous()}, folder / "nf4.safetensors")


{"make_model": make_model, "forward": forward, "greedy": greedy, "lora": lora, "merged": merged, "nf4": nf4}[sys.argv[1]]()
