"""Trains the byte-level BPE tokenizer on the base corpus and the words of the prompt template.

python notebooks/embedded/recipe/train_tokenizer.py build/embedded/corpus.txt
Needs tokenizers 0.23. The same corpus gives the same bytes.
"""

import json
import re
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent / "model"
VOCABULARY = 3072
MAX_LENGTH = 2048
END = "<|endoftext|>"
PAD = "<|pad|>"
# How Qwen2 splits text before merging: contractions, words with their leading space, single digits, punctuation, spaces.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
ANSWER_WORDS = (
    "First, Next, Then, So Therefore Taken together, To begin, the clues. Against The most likely diagnosis is fits best "
    "explains explain these findings? Which What point points suggest suggests speaks shows show reveal reports presents comes includes "
    "It should be confirmed by possible because of, yet it does not explain can also cause"
)
SAMPLE_BYTES = 24_000_000


def template_text() -> str:
    """The literal text of template.ts, so that each of its words becomes one token."""
    source = (HERE.parent / "template.ts").read_text("utf-8")
    return re.search(r"trainPromptStyle = `(.*?)`;", source, re.S).group(1).replace("{}", "")


def special(content: str) -> dict:
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        documents = file.read(SAMPLE_BYTES).split(f"\n{END}\n")[:-1]
    # The template and the answer words are rare or absent in the corpus: weigh them so that they are merged whole.
    words = f"{template_text()} {ANSWER_WORDS}"
    texts = documents + [words] * max(1, len(documents) // 20)

    tokenizer = Tokenizer(models.BPE(byte_fallback=False))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, PAD],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer=trainer)
    assert tokenizer.get_vocab_size() == VOCABULARY, tokenizer.get_vocab_size()

    MODEL.mkdir(exist_ok=True)
    tokenizer.save(str(MODEL / "tokenizer.json"), pretty=True)
    config = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {"0": special(END), "1": special(PAD)},
        "additional_special_tokens": [],
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": END,
        "errors": "replace",
        "model_max_length": MAX_LENGTH,
        "pad_token": PAD,
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }
    (MODEL / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    names = {"eos_token": END, "pad_token": PAD}
    (MODEL / "special_tokens_map.json").write_text(json.dumps(names, indent=2) + "\n")
    count = len(tokenizer.encode(words).ids)
    print(f"{VOCABULARY} tokens; the template takes {len(tokenizer.encode(template_text()).ids)} tokens ({count} with the answer words)")


if __name__ == "__main__":
    main()
