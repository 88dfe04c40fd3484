"""src/formats/tokenizer/unicode/tables.ts: what the Rust library `tokenizers` takes each character for, asked of the library itself.

usage: python tables.py OUT.ts    (tokenizers 0.23.3; `node` on the path)
Whittle must not depend on the Unicode version of the browser: the library's parts each carry tables of their own
(its Oniguruma has Unicode 16, its normaliser an older one), so every table is found by giving the library each code point.
"""
import json, subprocess, sys

from tokenizers import Regex, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
ALL = "".join(map(chr, CODE_POINTS))


def ranges(wanted):
    found = []
    for code in wanted:
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def packed(found):
    """Pairs "gap since the last range, length", in base 36."""
    words, last = [], 0
    for first, end in found:
        words.append(f"{base36(first - last)},{base36(end - first)}")
        last = end
    return " ".join(words)


def base36(n):
    digits = ""
    while True:
        n, rest = divmod(n, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
        if n == 0:
            return digits


def removed_by(pre_tokenizer):
    """Code points that a pre-tokenizer with behaviour `removed` takes out."""
    kept = bytearray(len(ALL))
    for _, (start, end) in pre_tokenizer.pre_tokenize_str(ALL):
        kept[start:end] = b"\1" * (end - start)
    return [code for code, keep in zip(CODE_POINTS, kept) if not keep]


def where(predicate):
    return [code for code in CODE_POINTS if predicate(chr(code))]


digits, whitespace = pre_tokenizers.Digits(True), pre_tokenizers.Whitespace()
bert = lambda **options: normalizers.BertNormalizer(**{"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False, **options})
cleaning, stripping, accents, chinese = bert(clean_text=True), bert(strip_accents=True), normalizers.StripAccents(), bert(handle_chinese_chars=True)
TABLES = {
    "NUMERIC": ("Rust's char::is_numeric (Digits).", where(lambda c: len(digits.pre_tokenize_str("x" + c)) == 2)),
    "PUNCTUATION": ("ASCII punctuation and categories P (Punctuation, BertPreTokenizer).", removed_by(pre_tokenizers.Punctuation("removed"))),
    "WORD": ("`\\w` of the Rust crate `regex` (Whitespace, single_word).", where(lambda c: len(whitespace.pre_tokenize_str("x" + c + "x")) == 1)),
    "COMBINING": ("Marks, category M (StripAccents).", where(lambda c: accents.normalize_str("x" + c) == "x")),
    "NONSPACING": ("Category Mn (BertNormalizer's strip_accents).", where(lambda c: stripping.normalize_str("x" + c) == "x")),
    "CONTROL": ("What BertNormalizer's clean_text drops.", where(lambda c: cleaning.normalize_str("x" + c + "x") == "xx")),
    "CHINESE": ("What BertNormalizer sets between spaces.", where(lambda c: chinese.normalize_str(c) != c)),
    "UNASSIGNED": ("Unassigned in the Unicode 16 of Oniguruma.", removed_by(pre_tokenizers.Split(Regex("\\p{Cn}"), "removed"))),
}

# The normaliser's Unicode is older than the browser's: what the browser would change and the library does not stays as it is.
FORMS = ["NFC", "NFD", "NFKC", "NFKD"]
PROBES = ["{}", "a\u0301{}", "a{}\u0316", "{}\u0307", "{}\u0301"]
NODE = """
const read = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(read.map(([form, texts]) => texts.map((text) => text.normalize(form)))));
"""
asked = [[form, [probe.format(chr(code)) for code in CODE_POINTS]] for form in ("NFC", "NFKD") for probe in PROBES]
answered = json.loads(subprocess.run(["node", "--max-old-space-size=6000", "-e", NODE], input=json.dumps(asked), capture_output=True, text=True, check=True).stdout)
unknown = set()
for (form, texts), browser in zip(asked, answered):
    normalizer = getattr(normalizers, form)()
    for code, text, expected in zip(CODE_POINTS, texts, browser):
        if normalizer.normalize_str(text) != expected:
            unknown.add(code)
composed = json.loads(subprocess.run(["node", "-e", NODE], input=json.dumps([["NFD", [chr(code) for code in sorted(unknown)]]]), capture_output=True, text=True, check=True).stdout)[0]
unknown |= {ord(text[0]) for code, text in zip(sorted(unknown), composed) if len(text) > 1 and ord(text[0]) > 0x10000}
TABLES["NOT_NORMALISED"] = ("Decomposed, composed or reordered by browsers, unknown to the library's older normaliser.", sorted(unknown))


def scripts():
    """Code points by script, as far as UnicodeScripts can tell them apart: equal letters are not split."""
    splitter = pre_tokenizers.UnicodeScripts()
    same = lambda a, b: len(splitter.pre_tokenize_str(a + b)) == 1
    names, found = [], []
    # A text of what goes with any script gives no piece at all.
    for code in CODE_POINTS:
        c = chr(code)
        if not splitter.pre_tokenize_str(c):
            script = 0
        else:
            script = next((i for i, name in enumerate(names, 1) if same(name, c)), None)
            if script is None:
                names.append(c)
                script = len(names)
        if found and found[-1][2] == script and found[-1][1] == code - 1 or found and found[-1][2] == script and code == 0xE000 and found[-1][1] == 0xD7FF:
            found[-1][1] = code
        else:
            found.append([code, code, script])
    return names, found


names, found = scripts()
lines = [
    "/**",
    " * @file What each part of the Rust library takes a character for: ranges of code points, written by tools/tokenizers/tables.py.",
    ' * Pairs "gap since the last range, length - 1" in base 36; read them with `codePoints`.',
    " */",
    "",
]
for name, (comment, wanted) in TABLES.items():
    lines += [f"/** {comment} */", f"export const {name} =", f"  '{packed(ranges(wanted))}';", ""]
words, last = [], 0
for first, end, script in found:
    words.append(f"{base36(end - last)}.{base36(script)}")
    last = end
lines += [
    '/** UnicodeScripts: "length of the run.script", one run after the other over all of Unicode; script 0 goes with any. */',
    "export const SCRIPTS =",
    f"  '{' '.join(words)}';",
]
open(sys.argv[1], "w").write("\n".join(lines) + "\n")
print({name: len(ranges(wanted)) for name, (_, wanted) in TABLES.items()}, len(names), "scripts in", len(found), "runs", file=sys.stderr)
