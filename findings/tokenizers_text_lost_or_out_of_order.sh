#!/usr/bin/env bash
# Two ways in which the Rust library tokenizers (0.23.3) loses or reorders text without an error:
# 1. UnicodeScripts drops the spaces before the first letter; a text of spaces has no token at all.
# 2. BPE with byte_fallback and unk_token: an unknown character whose bytes are not all in the vocabulary waits (to be fused), and the byte
#    tokens of characters behind it are put out first, so that ids come in another order than the text.
set -euo pipefail
T=$(mktemp -d); trap 'rm -rf "$T"' EXIT
python3 -m venv "$T/v"; "$T/v/bin/pip" install -q --disable-pip-version-check tokenizers==0.23.3
"$T/v/bin/python" - <<'P'
import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers
print("tokenizers", tokenizers.__version__)
scripts = pre_tokenizers.UnicodeScripts()
for text in ["  ab cd", "ab  ", "   "]:
    print("UnicodeScripts", repr(text), scripts.pre_tokenize_str(text))
assert scripts.pre_tokenize_str("  ab cd") == [("ab cd", (2, 7))] and scripts.pre_tokenize_str("   ") == []
vocabulary = {"<unk>": 0, "a": 1, "<0xC3>": 2, "<0xA9>": 3}  # é has both of its bytes, 漢 has none
bpe = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>", byte_fallback=True))
for text in ["漢a", "漢éa", "é漢a"]:
    print("BPE", text, bpe.encode(text).tokens)
assert bpe.encode("漢a").tokens == ["<unk>", "a"]
assert bpe.encode("漢éa").tokens == ["<0xC3>", "<0xA9>", "<unk>", "a"]
print("AS SEEN")
P
