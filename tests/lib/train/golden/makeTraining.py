"""Golden run of transformers' Trainer: the bigram model of ../bigramModel.ts on fixed tokens, in the dataset's order.

    pip install torch transformers==5.17.0 accelerate safetensors
    python makeTraining.py training
"""

import json
import sys
import tempfile

import torch
from safetensors.torch import save_file
from transformers import Trainer, TrainingArguments

VOCAB, HIDDEN, EXAMPLES = 128, 40, 18


class Bigram(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.rand(VOCAB, HIDDEN) - 0.5)
        self.head = torch.nn.Parameter(4 * (torch.rand(VOCAB, HIDDEN) - 0.5))

    def forward(self, input_ids, labels, num_items_in_batch=None, **kwargs):
        logits = torch.tanh(self.table[input_ids]) @ self.head.T
        shifted = torch.nn.functional.pad(labels, (0, 1), value=-100)[:, 1:].reshape(-1)
        total = torch.nn.functional.cross_entropy(logits.reshape(-1, VOCAB), shifted, ignore_index=-100, reduction="sum")
        divisor = (shifted != -100).sum() if num_items_in_batch is None else num_items_in_batch
        return {"loss": total / divisor, "logits": logits}


def collate(rows):
    width = max(len(row["input_ids"]) for row in rows)
    pad = lambda values, filler: values + [filler] * (width - len(values))
    return {
        "input_ids": torch.tensor([pad(row["input_ids"], 0) for row in rows]),
        "labels": torch.tensor([pad(row["labels"], -100) for row in rows]),
    }


torch.manual_seed(7)
model = Bigram()
rows = []
for _ in range(EXAMPLES):
    tokens = torch.randint(VOCAB, (int(torch.randint(3, 20, (1,))),)).tolist()
    rows.append({"input_ids": tokens, "labels": tokens})
rows[4]["labels"] = [-100, -100] + rows[4]["input_ids"][2:]
start = {"table.weight": model.table.detach().clone(), "head.weight": model.head.detach().clone()}

with tempfile.TemporaryDirectory() as folder:
    trainer = Trainer(
        model=model,
        train_dataset=rows,
        data_collator=collate,
        args=TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=2,
            gradient_accumulation_steps=4,
            max_steps=8,
            warmup_steps=2,
            learning_rate=0.05,
            weight_decay=0.01,
            optim="adamw_torch",
            lr_scheduler_type="cosine",
            logging_steps=1,
            save_strategy="no",
            train_sampling_strategy="sequential",
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
            use_cpu=True,
        ),
    )
    trainer.train()

with open(f"{sys.argv[1]}.json", "w", encoding="utf-8") as file:
    json.dump({"rows": rows, "logHistory": trainer.state.log_history}, file)
end = {f"end.{name}": value.detach().clone() for name, value in [("table", model.table), ("head", model.head)]}
save_file({**start, **end}, f"{sys.argv[1]}.safetensors")
