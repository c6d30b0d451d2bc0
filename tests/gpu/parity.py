"""Logits, loss, LoRA gradients and greedy tokens of the whole library (parity.ts) against transformers and PEFT on the same
weights: in bf16, and in float32 as the judge of both.

    parity.py FOLDER:KIND ...     KIND nf4: weights that went through NF4; dense: as they are stored; both in bf16.
                                  float16, float32: through NF4, both sides in that type

bf16 rounds every activation to 8 bits, so two correct programs differ by what rounding makes of the whole depth. How much
that is, PEFT's own distance from float32 tells: ours may be 2 %, or 1.1 times PEFT's where that is more; in float16, which has
three bits more, 0.5 %. In float32, where nothing but the order of sums differs, 0.1 % is allowed.
"""

import json
import sys
import time
import traceback
from pathlib import Path

import torch
from safetensors.torch import load_file

from reference import DEVICE, Report, checkpoint_activations, computing, difference, load_dense, ours, row_loss, type_of

RELATIVE = {"nf4": 2e-2, "dense": 2e-2, "float16": 5e-3, "float32": 1e-3}
# Without it small gradients would be lost in float16.
LOSS_SCALE = 2.0**16
LOSS, BEHIND = 1e-3, 0.1


def gradients_of(model, rows, dtype):
    """Loss and the adapter's gradients by name, a text at a time: the sum needs no padding."""
    model.train()
    model.zero_grad(set_to_none=True)
    loss, items = 0.0, sum(len(row) - 1 for row in rows)
    scale = LOSS_SCALE if dtype == torch.float16 else 1
    for row in rows:
        with computing(dtype):
            share = row_loss(model, row, items)
        (share * scale).backward()
        loss += share.item()
    named = model.named_parameters()
    return loss, {name.replace(".default", ""): p.grad / scale for name, p in named if p.requires_grad}


@torch.no_grad()
def logits_of(model, rows, dtype):
    model.eval()
    with computing(dtype):
        return torch.cat([model(input_ids=torch.tensor([row], device=DEVICE)).logits[0].float() for row in rows])


@torch.no_grad()
def behind_the_likeliest(model, prompt, tokens, dtype):
    """How far each token lies behind the one that the model finds likeliest there, in deviations of the logits."""
    model.eval()
    with computing(dtype):
        read = model(input_ids=torch.tensor([prompt + tokens], device=DEVICE)).logits[0, len(prompt) - 1 : -1].float()
    chosen = read.gather(1, torch.tensor(tokens, device=DEVICE)[:, None])[:, 0]
    return ((read.max(dim=-1).values - chosen) / read.std(dim=-1)).tolist()


@torch.no_grad()
def greedy(model, prompt, count, dtype):
    model.eval()
    model.generation_config.eos_token_id = None
    ids = torch.tensor([prompt], device=DEVICE)
    with computing(dtype):
        out = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=count, pad_token_id=1
        )
    return out[0, len(prompt) :].tolist()


def all_of(model, texts, tokens, dtype):
    rows = [row[: texts["logitTokens"]] for row in texts["rows"]]
    loss, gradients = gradients_of(model, texts["rows"], dtype)
    behind = behind_the_likeliest(model, texts["prompt"], tokens, dtype)
    return {"loss": loss, "gradients": gradients, "logits": logits_of(model, rows, dtype), "behind": behind}


def compare(folder, kind):
    texts = json.loads(Path(folder, "parity.json").read_text())
    layers = json.loads(Path(folder, "config.json").read_text())["num_hidden_layers"]
    report, own = Report(f"peft-{layers}-{kind}"), ours(f"parity-{layers}-{kind}")
    what, tokens = f"{layers} layers, {kind}", own["tokens"]
    started = time.time()
    dtype = type_of(kind)
    model = load_dense(folder, dtype, quantised=kind != "dense")
    if layers > 8:
        checkpoint_activations(model)
    narrow = all_of(model, texts, tokens, dtype)
    free = greedy(model, texts["prompt"], texts["newTokens"], dtype)
    # The judge: the same weights and adapter, every product and activation in float32.
    exact = narrow if dtype == torch.float32 else all_of(model.float(), texts, tokens, torch.float32)
    report.add(seconds=time.time() - started)
    del model
    ours_tensors = load_file(own["file"], device=DEVICE)

    losses = [own["loss"], narrow["loss"], exact["loss"]]
    report.add(losses=losses)
    allowed = max(LOSS, 1.1 * abs(losses[1] - losses[2]))
    report.check(
        abs(losses[0] - losses[2]) <= allowed and abs(losses[0] - losses[1]) <= 2 * allowed,
        f"{what}: loss {losses[0]:.5f}; PEFT {losses[1]:.5f}, in float32 {losses[2]:.5f}",
    )

    def three_ways(actual, theirs, judge):
        return difference(actual, judge), difference(theirs, judge), difference(actual, theirs)

    logits = three_ways(ours_tensors["logits"], narrow["logits"], exact["logits"])
    report.add(logits=logits)
    report.check(
        logits[0] <= max(RELATIVE[kind], 1.1 * logits[1]),
        f"{what}: logits {logits[0]:.2%} from float32; PEFT {logits[1]:.2%}; from each other {logits[2]:.2%}",
    )

    each = {name: three_ways(ours_tensors[name], narrow["gradients"][name], exact["gradients"][name]) for name in exact["gradients"]}
    report.add(gradients=each)
    far = [name for name, (own_way, theirs, _) in each.items() if not own_way <= max(RELATIVE[kind], 1.1 * theirs)]
    columns = [sorted(column) for column in zip(*each.values())]
    most, median = ([pick(column) for column in columns] for pick in (lambda c: c[-1], lambda c: c[len(c) // 2]))
    report.check(
        not far,
        f"{what}: {len(each)} LoRA gradients at most {most[0]:.2%} from float32 (median {median[0]:.2%}); "
        f"PEFT {most[1]:.2%} ({median[1]:.2%}); from each other {most[2]:.2%} ({median[2]:.2%})",
    )
    for name in far[:3]:
        print(f"     {name}: {each[name][0]:.2%} from float32, PEFT {each[name][1]:.2%}")

    same = next((i for i, (a, b) in enumerate(zip(tokens, free)) if a != b), len(tokens))
    likeliest = [sum(behind == 0 for behind in one["behind"]) for one in (narrow, exact)]
    report.add(behind=[narrow["behind"], exact["behind"]], sameAsGenerated=same)
    worst = [max(narrow["behind"]), max(exact["behind"])]
    # Logits in bf16 have ties: PEFT alone cannot say which token is likeliest, float32 can.
    report.check(
        min(worst) <= BEHIND and max(worst) <= 2 * BEHIND,
        f"{what}: of {len(tokens)} greedy tokens {likeliest[0]} are PEFT's likeliest and {likeliest[1]} float32's, the others "
        f"at most {worst[0]:.3f} and {worst[1]:.3f} deviations behind; generating by itself PEFT gives the first {same}",
    )
    return report.failed


failed = False
for argument in sys.argv[1:]:
    folder, kind = argument.rsplit(":", 1)
    try:
        failed |= compare(folder, kind)
    except Exception:
        traceback.print_exc()
        print(f"FAIL {argument}: not compared, see above", flush=True)
        failed = True
    if DEVICE == "cuda":
        torch.cuda.empty_cache()
sys.exit(failed)
