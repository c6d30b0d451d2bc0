"""Writes the checkpoint that all comparisons share: random bf16 weights of the shape of DeepSeek-R1-Distill-Qwen-14B, an
adapter, a tokenizer, and the texts to train on. A second folder shows its first two layers as a model of their own.

    checkpoint.py FOLDER        -> FOLDER/deep and FOLDER/shallow

TUNELAB_GPU_SHAPE=tiny makes a model for a processor, TUNELAB_GPU_LAYERS chooses the depth. Folders that are there stay.
"""

import json
import math
import os
import random
import shutil
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from safetensors.torch import save_file

from reference import DEVICE, PROJECTIONS

SHAPES = {
    "14b": dict(
        hidden_size=5120, intermediate_size=13824, num_hidden_layers=48, num_attention_heads=40, num_key_value_heads=8,
        vocab_size=152064, max_position_embeddings=131072,
    ),
    "tiny": dict(
        hidden_size=128, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=3072, max_position_embeddings=2048,
    ),
}
SHAPE = os.environ.get("TUNELAB_GPU_SHAPE", "14b")
CONFIG = dict(SHAPES[SHAPE])
LAYERS = CONFIG["num_hidden_layers"] = int(os.environ.get("TUNELAB_GPU_LAYERS") or CONFIG["num_hidden_layers"])
CONFIG |= dict(
    architectures=["Qwen2ForCausalLM"], model_type="qwen2", rms_norm_eps=1e-5, rope_theta=1e6, hidden_act="silu",
    tie_word_embeddings=False, torch_dtype="bfloat16", bos_token_id=0, eos_token_id=0, pad_token_id=1,
)
SHALLOW, RANK = 2, 16
HIDDEN, FFN, VOCABULARY = CONFIG["hidden_size"], CONFIG["intermediate_size"], CONFIG["vocab_size"]
KEYS = HIDDEN // CONFIG["num_attention_heads"] * CONFIG["num_key_value_heads"]
SIZES = {
    "q_proj": (HIDDEN, HIDDEN), "k_proj": (KEYS, HIDDEN), "v_proj": (KEYS, HIDDEN), "o_proj": (HIDDEN, HIDDEN),
    "gate_proj": (FFN, HIDDEN), "up_proj": (FFN, HIDDEN), "down_proj": (HIDDEN, FFN),
}
# Activations of the size that a model of 5,120 hidden units and initializer_range 0.02 has, at any width.
WIDE = 0.02 * math.sqrt(5120)


def path_of(layer, name):
    return f"model.layers.{layer}.{'self_attn' if name[0] in 'qkvo' else 'mlp'}.{name}"


# --- weights ---------------------------------------------------------------------------------------------------------


def layer_tensors(layer):
    """Names, shapes and deviations of a layer's tensors; a deviation of None stands for ones.

    What layers add to the residual stream is scaled by 1 / sqrt(2 layers), as GPT-2's initialisation has it: layers then
    change it by a part each, as in a trained model. Without that, gradients are sums that cancel, and bf16 leaves noise of
    them in any implementation.
    """
    for name, (out, inputs) in SIZES.items():
        adds = name in ("o_proj", "down_proj")
        yield f"{path_of(layer, name)}.weight", (out, inputs), WIDE / math.sqrt(inputs) / (math.sqrt(2 * LAYERS) if adds else 1)
        if name[0] in "qkv":
            yield f"{path_of(layer, name)}.bias", (out,), 0.1
    for norm in ("input_layernorm", "post_attention_layernorm"):
        yield f"model.layers.{layer}.{norm}.weight", (HIDDEN,), None


def shards():
    """The tensors of each file: what is outside of layers, the layers of the shallow model, then four layers each."""
    yield [
        ("model.embed_tokens.weight", (VOCABULARY, HIDDEN), 1.0),
        ("model.norm.weight", (HIDDEN,), None),
        ("lm_head.weight", (VOCABULARY, HIDDEN), WIDE / math.sqrt(HIDDEN)),
    ]
    edges = [0, *range(min(SHALLOW, LAYERS), LAYERS, 4), LAYERS]
    for first, end in zip(edges, edges[1:]):
        yield [tensor for layer in range(first, end) for tensor in layer_tensors(layer)]


def values(name, shape, deviation, dtype=torch.bfloat16):
    """The same numbers for a name on every run."""
    if deviation is None:
        return torch.ones(shape, dtype=dtype)
    generator = torch.Generator(DEVICE).manual_seed(zlib.crc32(name.encode()))
    return torch.empty(shape, dtype=dtype, device=DEVICE).normal_(0, deviation, generator=generator).cpu()


def write_shard(path, tensors):
    """safetensors, tensor by tensor, so that several files can be on their way at a time."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape, _ in tensors:
        begin, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors:
            file.write(values(*tensor).reshape(-1).view(torch.uint8).numpy())
    return end


def write_index(folder, files):
    total = sum(2 * math.prod(shape) for tensors in files.values() for _, shape, _ in tensors)
    index = {name: file for file, tensors in files.items() for name, _, _ in tensors}
    text = json.dumps({"metadata": {"total_size": total}, "weight_map": index})
    Path(folder, "model.safetensors.index.json").write_text(text)


def write_adapter(folder, layers):
    """An adapter whose B is not zero, so that every gradient is not either."""
    tensors = {}
    for layer in range(layers):
        for name, (out, inputs) in SIZES.items():
            key = f"base_model.model.{path_of(layer, name)}.lora_"
            tensors[f"{key}A.weight"] = values(f"{key}A", (RANK, inputs), 1 / math.sqrt(3 * inputs), torch.float32)
            tensors[f"{key}B.weight"] = values(f"{key}B", (out, RANK), 0.02, torch.float32)
    target = Path(folder, "adapter")
    target.mkdir()
    save_file(tensors, target / "adapter_model.safetensors", metadata={"format": "pt"})
    config = dict(
        base_model_name_or_path=str(folder), peft_type="LORA", task_type="CAUSAL_LM", r=RANK, lora_alpha=RANK,
        lora_dropout=0.0, bias="none", target_modules=PROJECTIONS, inference_mode=True,
    )
    (target / "adapter_config.json").write_text(json.dumps(config))


# --- texts -----------------------------------------------------------------------------------------------------------


def texts(lengths, seed):
    """Tokens with something to learn: a few thousand ids, each with a successor that follows it more often than not."""
    draw = random.Random(seed)
    known = draw.sample(range(4, VOCABULARY), min(4000, VOCABULARY // 8))
    successor = dict(zip(known, known[1:] + known[:1]))
    rows = []
    for length in lengths:
        row = [draw.choice(known)]
        while len(row) < length:
            # The square makes some ids much more frequent than others.
            row.append(successor[row[-1]] if draw.random() < 0.6 else known[int(len(known) * draw.random() ** 2)])
        rows.append(row)
    return rows


def article_lengths(count):
    """Tokens of texts spread as the article's are: 720 on average, a deviation of 215, from 300 to 1,800."""
    draw = random.Random(3407)
    return [int(min(1800, max(300, draw.gauss(720, 215)))) for _ in range(count)]


def write_texts(folder):
    """article.json: 60 steps of 8 texts. parity.json: what one pass, decoding and ten steps are compared on."""
    tiny = SHAPE == "tiny"
    lengths = [length // (8 if tiny else 1) for length in article_lengths(480)]
    Path(folder, "article.json").write_text(json.dumps(texts(lengths, 1)))
    draw = random.Random(5)
    parity = {
        "rows": texts([95, 50, 8, 110] if tiny else [735, 402, 64, 900], 2),
        # Logits are compared of the first tokens of each text: those of all would be gigabytes.
        "logitTokens": 16 if tiny else 64,
        "prompt": texts([20 if tiny else 90], 3)[0],
        "newTokens": 16 if tiny else 64,
        "steps": [texts([draw.randint(*((20, 60) if tiny else (192, 448))) for _ in range(4)], 10 + i) for i in range(10)],
    }
    Path(folder, "parity.json").write_text(json.dumps(parity))


# --- folders ---------------------------------------------------------------------------------------------------------


def tokenizer_folder():
    """The embedded model's, in the checkout or in the pack; its ids are among the model's."""
    here = Path(__file__).resolve().parent
    found = [place for place in (here, here.parents[1]) if (place / "notebooks/embedded/model").is_dir()]
    return found[0] / "notebooks/embedded/model"


def write_rest(folder, layers):
    Path(folder, "config.json").write_text(json.dumps(CONFIG | {"num_hidden_layers": layers}))
    shutil.copyfile(tokenizer_folder() / "tokenizer.json", Path(folder, "tokenizer.json"))
    # The class that needs nothing but tokenizer.json: peers look for the files of others.
    settings = json.loads((tokenizer_folder() / "tokenizer_config.json").read_text())
    settings |= {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": CONFIG["max_position_embeddings"]}
    Path(folder, "tokenizer_config.json").write_text(json.dumps(settings))
    write_adapter(folder, layers)


def main(root):
    deep, shallow = root / "deep", root / "shallow"
    done = root / "complete.json"
    if done.exists() and json.loads(done.read_text()) == CONFIG:
        print(f"The checkpoint in {root} is there already.")
        return
    shutil.rmtree(root, ignore_errors=True)
    for folder in (deep, shallow):
        folder.mkdir(parents=True)
    started = time.time()
    tensors = list(shards())
    files = {f"model-{i + 1:05d}-of-{len(tensors):05d}.safetensors": each for i, each in enumerate(tensors)}
    with ThreadPoolExecutor(min(12, os.cpu_count())) as pool:
        total = sum(pool.map(lambda file: write_shard(deep / file, files[file]), files))
    write_index(deep, files)
    first = dict(list(files.items())[:2])
    for file in first:
        (shallow / file).symlink_to(deep / file)
    write_index(shallow, first)
    write_rest(deep, LAYERS)
    write_rest(shallow, min(SHALLOW, LAYERS))
    write_texts(deep)
    shutil.copyfile(deep / "parity.json", shallow / "parity.json")
    done.write_text(json.dumps(CONFIG))
    print(f"{LAYERS} layers, {total / 1e9:.1f} GB in {time.time() - started:.1f} s, in {root}")


main(Path(sys.argv[1]).resolve())
