#!/usr/bin/env bash
# transformers 5 does not load tokenizer.json as it is where tokenizer_config.json names a class of its own: it takes vocabulary, merges and
# post-processor out of it, and builds normalizer and pre-tokenizer anew as the class has them. Tokens differ, without a word, from those of
# the library tokenizers on the same file (and of transformers 4): a Llama 2's of a text that begins with a space, a GPT2Tokenizer's with
# Digits before it (SmolLM2's form) of "12" where the vocabulary has merged it. `PreTrainedTokenizerFast` in the same folder loads the file.
set -euo pipefail
T=$(mktemp -d); trap 'rm -rf "$T"' EXIT
python3 -m venv "$T/v"; "$T/v/bin/pip" install -q --disable-pip-version-check transformers==5.24.0 tokenizers==0.23.3 2>/dev/null
cd "$T"; HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error "$T/v/bin/python" - <<'P'
import json, os, tokenizers, transformers
from tokenizers import Tokenizer
from transformers import AutoTokenizer
print("transformers", transformers.__version__, "tokenizers", tokenizers.__version__)
special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}

def compare(name, tokenizer_class, vocab, merges, text, **parts):
    json_file = {"version": "1.0", "added_tokens": [{"id": 0, "content": "<unk>", **special}], "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None, **parts,
                 "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": False, "vocab": {token: id for id, token in enumerate(vocab)}, "merges": merges}}
    found = {}
    for chosen in [tokenizer_class, "PreTrainedTokenizerFast"]:
        os.makedirs(f"{name}/{chosen}", exist_ok=True)
        for file, value in {"tokenizer.json": json_file, "tokenizer_config.json": {"tokenizer_class": chosen, "unk_token": "<unk>"}, "config.json": {"model_type": "llama"}}.items():
            json.dump(value, open(f"{name}/{chosen}/{file}", "w"))
        found[chosen] = AutoTokenizer.from_pretrained(f"{name}/{chosen}").tokenize(text)
    library = Tokenizer.from_str(json.dumps(json_file)).encode(text, add_special_tokens=False).tokens
    print(name, repr(text), "| tokenizers:", library, "|", found)
    assert found["PreTrainedTokenizerFast"] == library and found[tokenizer_class] != library

llama = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
compare("llama2", "LlamaTokenizer", ["<unk>", "▁", "a", "▁a"], [["▁", "a"]], " a", normalizer=llama)
byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
digits = {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]}
compare("digits", "GPT2Tokenizer", ["<unk>", "1", "2", "12"], [["1", "2"]], "12", pre_tokenizer=digits)
P
echo AS SEEN
