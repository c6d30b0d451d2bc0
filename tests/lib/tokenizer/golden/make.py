"""Trains the small tokenizers of these tests and writes what Python's tokenizers 0.23.3 makes of some texts.

Run: python tests/lib/tokenizer/golden/make.py
qwen/ has Qwen2's normaliser, pattern and byte-level BPE; bos/ adds a BOS token by template, as DeepSeek-R1-Distill does.
"""

import json
import pathlib
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

here = pathlib.Path(__file__).parent
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CORPUS = [
    "Below is an instruction that describes a task, paired with an input that provides further context.",
    "A 61-year-old woman has had painless swelling of the lymph nodes for three weeks, with fever and night sweats.",
    "Think step by step: the findings, what they have in common, and the diagnosis that explains them all.",
    "### Instruction:\n### Question:\n### Response:\n<think>\n</think>\n",
    "We'll see what it's about; they've said he'd come, and I'm sure you're right.",
    "Grüße aus Köln, São Paulo, Kraków; 日本語のテキスト and русский текст.",
] * 3

TEXTS = [
    "",
    " ",
    "Hello",
    " Hello world ",
    "two  spaces   three\n\n\nlines\r\n tabs\t\tand more ",
    "We'll see what IT'S about, they'VE said 1234567890 times: 3.14!",
    "### Question:\nWhat is it?\n\n### Response:\n<think>\nHm.\n</think>\nYes.<|end|>",
    "<|end|> after<|end|><|end|> x <|en d|>",
    "Grüße, São Paulo \u00e9 e\u0301 (composed and not), 日本語 русский 😀 👩‍👩‍👧 \u200d end",
    "a 1 b 2 .c .d (e) \u0301f \u00a0nbsp \u2003em \u3000wide",
    "x\u0000y \ufeffbom \ud7ff",
    "word " * 300 + "end",
    "punctuation!!! ... ??? --- === +++ ::: ;;; \"quotes\" 'single' `tick` [x] {y} <z>",
    "CamelCaseAndsnake_case and kebab-case; http://example.org/a?b=c&d=e#f",
]

rng = random.Random(11)
ALPHABET = list("abcdefgh ABC 012 \n\t'.,;:!?()<>|/\\-_éß日本ф😀\u0301\u00a0\r") + ["  ", "<|end|>", " the", "'s", "\n\n"]
for length in (5, 20, 60, 200, 400):
    for _ in range(12):
        TEXTS.append("".join(rng.choice(ALPHABET) for _ in range(length)))


def train():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in ("<|end|>", "<|im_start|>", "<|im_end|>")])
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t in ("<think>", "</think>")])
    return tokenizer


def save(tokenizer, folder, config, texts):
    folder = here / folder
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n")
    rows = []
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=True).ids
        rows.append(
            {
                "text": text,
                "ids": ids,
                "decoded": tokenizer.decode(ids, skip_special_tokens=False),
                "skipped": tokenizer.decode(ids, skip_special_tokens=True),
            }
        )
    (folder / "encodings.json").write_text(json.dumps(rows, separators=(",", ":"), ensure_ascii=False) + "\n")


TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>' + '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
save(
    train(),
    "qwen",
    {
        "tokenizer_class": "Qwen2Tokenizer",
        "bos_token": None,
        "eos_token": "<|end|>",
        "pad_token": "<|im_end|>",
        "model_max_length": 2048,
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    },
    TEXTS,
)

bos = train()
bos.post_processor = processors.TemplateProcessing(
    single="<|im_start|> $A", pair="<|im_start|> $A $B", special_tokens=[("<|im_start|>", bos.token_to_id("<|im_start|>"))]
)
save(
    bos,
    "bos",
    {
        "tokenizer_class": "LlamaTokenizerFast",
        "add_bos_token": True,
        "add_eos_token": False,
        "bos_token": {"__type": "AddedToken", "content": "<|im_start|>", "normalized": False},
        "eos_token": {"__type": "AddedToken", "content": "<|end|>", "normalized": False},
        "pad_token": None,
        "model_max_length": 1000000000000000019884624838656,
        "clean_up_tokenization_spaces": False,
    },
    TEXTS[:14],
)


def train_spaces():
    """Llama 2's shape: spaces become "▁", one is put in front, bytes stand for what the vocabulary lacks."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    byte_tokens = [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=["<unk>", "<s>", "</s>", *byte_tokens], show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    raw = json.loads(tokenizer.to_str())
    raw["added_tokens"] = [token for token in raw["added_tokens"] if not token["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(raw))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


save(
    train_spaces(),
    "spaces",
    {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "clean_up_tokenization_spaces": False},
    [text for text in TEXTS[:14] if "\u0000" not in text],
)
