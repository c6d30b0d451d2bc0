"""Trains LoRA with PEFT on PyTorch's CPU backend: peftTraining.py MODEL ROWS.json STEPS. Prints {"tokens", "seconds"}.

ROWS.json holds token ids; eight rows make a step as 2 x 4, padded within each pair, as a Trainer does. The first two
steps warm up and are not counted. Only real tokens count.
"""
import json
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

torch.set_num_threads(2)
torch.manual_seed(0)
path, rows, steps = sys.argv[1], json.load(open(sys.argv[2])), int(sys.argv[3])
targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
model = get_peft_model(model, LoraConfig(r=16, lora_alpha=16, lora_dropout=0.0, bias="none", task_type="CAUSAL_LM", target_modules=targets))
model.train()
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-4, weight_decay=0.01)
counted, seconds = 0, 0.0
for step in range(steps):
    batch = [rows[(step * 8 + i) % len(rows)] for i in range(8)]
    started = time.perf_counter()
    items = sum(len(row) - 1 for row in batch)
    for i in range(0, 8, 2):
        pair = batch[i:i + 2]
        longest = max(map(len, pair))
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in pair])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in pair])
        model(input_ids=ids, attention_mask=mask, labels=ids.masked_fill(mask == 0, -100), num_items_in_batch=items).loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    if step >= 2:
        seconds += time.perf_counter() - started
        counted += sum(map(len, batch))
print(json.dumps({"tokens": counted, "seconds": seconds}))
