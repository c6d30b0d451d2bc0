"""The article's training set-up with a peer, on the checkpoint and texts of article.ts, in the same order: seconds a step,
real tokens a second, memory, decoding.

    peers.py hf|unsloth FOLDER [steps]     hf: transformers, PEFT, bitsandbytes, TRL.  Figures go to peer-<name>.json.
"""

import os
import sys
import time

os.environ.update(HF_HUB_OFFLINE="1", UNSLOTH_DISABLE_STATISTICS="1", WANDB_DISABLED="true", TOKENIZERS_PARALLELISM="false")
started = time.time()
PEER, FOLDER = sys.argv[1], sys.argv[2]
STEPS = int(sys.argv[3]) if len(sys.argv) > 3 else 6
if PEER == "unsloth":
    # Before everything that it patches.
    from unsloth import FastLanguageModel

import json
from pathlib import Path

import torch
from datasets import Dataset
from torch.utils.data import SequentialSampler
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

from reference import DEVICE, DTYPE, PLACE, PROJECTIONS, Report, four_bits, peak_gib, synchronize

WARM, NEW = 2, 128
RECOMPUTE = {"use_reentrant": False}


def load():
    if PEER == "unsloth":
        return FastLanguageModel.from_pretrained(FOLDER, max_seq_length=2048, dtype=None, load_in_4bit=True, fix_tokenizer=False)
    settings = dict(dtype=DTYPE, device_map=PLACE, quantization_config=four_bits())
    return AutoModelForCausalLM.from_pretrained(FOLDER, **settings), AutoTokenizer.from_pretrained(FOLDER)


def attach(model):
    lora = dict(r=16, lora_alpha=16, target_modules=PROJECTIONS, bias="none")
    if PEER == "unsloth":
        settings = dict(use_gradient_checkpointing="unsloth", random_state=7, use_rslora=False, loftq_config=None)
        return FastLanguageModel.get_peft_model(model, lora_dropout=0, **lora, **settings)
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=True, gradient_checkpointing_kwargs=RECOMPUTE)
    return get_peft_model(model, LoraConfig(lora_dropout=0.0, task_type="CAUSAL_LM", **lora))


class Clock(TrainerCallback):
    """Seconds of each step with all its work done, and the loss that the Trainer logs."""

    def __init__(self, report, tokens):
        self.report, self.tokens, self.each = report, tokens, []

    def on_step_begin(self, *_, **__):
        synchronize()
        self.begun = time.time()

    def on_step_end(self, *_, **__):
        synchronize()
        self.each.append({"seconds": time.time() - self.begun, "tokens": self.tokens[len(self.each)]})
        self.report.add(each=self.each)

    def on_log(self, _, state, __, logs=None, **___):
        if logs and "loss" in logs and state.global_step <= len(self.each):
            self.each[state.global_step - 1]["loss"] = logs["loss"]


def train(model, tokenizer, rows, report):
    data = Dataset.from_dict({"input_ids": rows, "labels": rows})
    tokens = [sum(len(row) for row in rows[i : i + 8]) for i in range(0, len(rows), 8)]
    args = SFTConfig(
        per_device_train_batch_size=2, gradient_accumulation_steps=4, num_train_epochs=1, max_steps=STEPS, warmup_steps=1,
        learning_rate=2e-4, lr_scheduler_type="linear", optim="adamw_8bit", weight_decay=0.01, bf16=DEVICE == "cuda",
        logging_steps=1, seed=3407, output_dir=str(Path(FOLDER, "outputs")), report_to="none", save_strategy="no",
        dataset_text_field="text", max_length=2048, packing=False, gradient_checkpointing=True,
        gradient_checkpointing_kwargs=RECOMPUTE,
    )
    clock = Clock(report, tokens)
    trainer = SFTTrainer(model=model, processing_class=tokenizer, train_dataset=data, args=args, callbacks=[clock])
    # In the order of the file, as ours: then the tokens of each step are known without looking into the batches.
    trainer._get_train_sampler = lambda *_, **__: SequentialSampler(trainer.train_dataset)
    kept = sum(len(trainer.train_dataset[i]["input_ids"]) for i in range(8))
    if kept != tokens[0]:
        print(f"{PEER}: the trainer made {kept} tokens of the first step's {tokens[0]}, which are counted", flush=True)
    if DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()
    trainer.train()
    return clock.each


@torch.no_grad()
def decode(model, prompt, report):
    if PEER == "unsloth":
        FastLanguageModel.for_inference(model)
    else:
        model.gradient_checkpointing_disable()
        model.eval()
        model.config.use_cache = True
    ids = torch.tensor([prompt], device=DEVICE)
    settings = dict(attention_mask=torch.ones_like(ids), do_sample=False, eos_token_id=None, pad_token_id=1, use_cache=True)

    def generate(count):
        synchronize()
        begun = time.time()
        out = model.generate(input_ids=ids, max_new_tokens=count, min_new_tokens=count, **settings)
        synchronize()
        return out.shape[1] - len(prompt), time.time() - begun

    generate(8)
    count, seconds = generate(NEW)
    report.add(decode={"promptTokens": len(prompt), "newTokens": count, "rate": count / seconds})
    print(f"{PEER} decoding {count} tokens after {len(prompt)}: {count / seconds:.1f} tok/s", flush=True)


def main():
    report = Report(f"peer-{PEER}")
    report.add(importSeconds=time.time() - started)
    rows = json.loads(Path(FOLDER, "article.json").read_text())
    begun = time.time()
    model, tokenizer = load()
    synchronize()
    report.add(loadSeconds=time.time() - begun)
    print(f"{PEER}: imported in {report.figures['importSeconds']:.1f} s, loaded in {report.figures['loadSeconds']:.1f} s", flush=True)
    model = attach(model)
    each = train(model, tokenizer, rows, report)
    warm = each[WARM:]
    seconds, tokens = sum(step["seconds"] for step in warm), sum(step["tokens"] for step in warm)
    report.add(each=each, rate=tokens / seconds, peakGib={"all": peak_gib(), "reserved": peak_gib("reserved")})
    memory = f", at most {peak_gib():.2f} GiB, {peak_gib('reserved'):.2f} reserved" if DEVICE == "cuda" else ""
    losses = [step.get("loss") for step in each]
    print(
        f"{PEER}: {STEPS} steps, {seconds / len(warm):.3f} s each (the first {each[0]['seconds']:.2f} s), {tokens / seconds:.0f} tok/s, "
        f"loss {losses[0]} to {losses[-1]}{memory}", flush=True,
    )
    decode(model, rows[0][: min(200, len(rows[0]))], report)


main()
