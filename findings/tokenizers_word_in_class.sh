#!/usr/bin/env bash
# In the Rust library tokenizers (0.23.3) a regular expression's \w and [\w] are not the same: ² ³ ¹ ¼ ½ ¾ match \w, but not [\w], [^\W] or
# [[:word:]], and [^\w] matches them. Its Oniguruma takes \w below U+0100 from a table of ISO 8859-1, and a class from Unicode's. Whoever
# ports a pre-tokenizer and writes \w as a class gets other tokens for "m²".
set -euo pipefail
T=$(mktemp -d); trap 'rm -rf "$T"' EXIT
python3 -m venv "$T/v"; "$T/v/bin/pip" install -q --disable-pip-version-check tokenizers==0.23.3
"$T/v/bin/python" - <<'P'
import tokenizers
from tokenizers import Regex, pre_tokenizers
print("tokenizers", tokenizers.__version__)
cut = lambda pattern: [piece for piece, _ in pre_tokenizers.Split(Regex(pattern), "removed").pre_tokenize_str("--m²²½½--")]
seen = {pattern: cut(pattern) for pattern in [r"\w", r"[\w]", r"[^\W]", r"[[:word:]]", r"\W", r"[^\w]"]}
for pattern, left in seen.items():
    print(f"{pattern:12} leaves {left}")
assert seen[r"\w"] == ["--", "--"] and seen[r"[\w]"] == seen[r"[^\W]"] == seen[r"[[:word:]]"] == ["--", "²²½½--"]
assert seen[r"\W"] == ["m²²½½"] and seen[r"[^\w]"] == ["m"]
print("AS SEEN")
P
