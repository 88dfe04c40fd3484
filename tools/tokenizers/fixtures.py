"""test/fixtures/tokenizers.json.gz: tokenizers of every part and option with the ids that the Rust library gives for hard texts.

usage: python fixtures.py OUT.json.gz [SEED]    (tokenizers 0.23.3, sentencepiece 0.2.3)
Other seeds give other texts and vocabularies: that is how Whittle is fuzzed against the library (WHITTLE_TOKENIZERS=FILE npx vitest run
src/formats/tokenizer/rust_library.test.ts). The library's trainers are not quite deterministic: a new run of one seed may give other vocabularies.

Where a part cuts or changes text, the model is a WordLevel of all the pieces that come out, so that ids show each cut; models are trained.
"""
import gzip, io, itertools, json, os, sys, tempfile

# The trainers' threads break ties as they come.
os.environ.update(TOKENIZERS_PARALLELISM="false", RAYON_NUM_THREADS="1")

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from texts import mixed, prose, texts

SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 0
TEXTS = texts(SEED)
cases = []


def tokenizer(model, **parts):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None, "model": model, **parts}


def case(name, spec):
    rust = Tokenizer.from_str(json.dumps(spec))
    rust.no_truncation()
    rust.no_padding()
    ids = [rust.encode(text).ids for text in TEXTS]
    found = {"name": name, "tokenizer": spec, "ids": ids}
    if spec["decoder"]:
        found["decoded"] = [rust.decode(each, skip_special_tokens=False) for each in ids]
    cases.append(found)


def pieces(name, **parts):
    """Ids tell the pieces: each is a token."""
    spec = tokenizer({"type": "WordLevel", "vocab": {"<unk>": 0}, "unk_token": "<unk>"}, **parts)
    rust = Tokenizer.from_str(json.dumps(spec))
    vocabulary = {"<unk>": 0}
    for text in TEXTS:
        # The library's own pieces, whatever added tokens are between them.
        for piece in library_pieces(rust, text):
            vocabulary.setdefault(piece, len(vocabulary))
    spec["model"]["vocab"] = vocabulary
    case(name, spec)


def library_pieces(rust, text):
    normal = rust.normalizer.normalize_str(text) if rust.normalizer else text
    found = [piece for piece, _ in rust.pre_tokenizer.pre_tokenize_str(normal)] if rust.pre_tokenizer else [normal]
    return [piece for piece in found if piece]


FIXED = {"type": "FixedLength", "length": 8}
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
split = lambda pattern, behavior="Isolated", invert=False, kind="Regex": {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}
metaspace = lambda scheme="always", cut=True, mark="▁": {"type": "Metaspace", "replacement": mark, "prepend_scheme": scheme, "split": cut}
byte_level = lambda prefix=False, regex=True: {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}
both = lambda *stages: {"type": "Sequence", "pretokenizers": list(stages)}
normalise = lambda *stages: {"type": "Sequence", "normalizers": list(stages)}
replace = lambda pattern, content, kind="String": {"type": "Replace", "pattern": {kind: pattern}, "content": content}

CL100K = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TIKTOKEN = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
O200K = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DEEPSEEK = [r"[\r\n]", r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-Ⴥ]+", r"\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$", r"[一-龥ࠀ-一가-퟿]+"]
PATTERNS = [
    CL100K, TIKTOKEN, O200K, r"\w+", r"\W+", r"[\w]+", r"[^\w\s]+", r"\d", r"\D+", r"\s+", r"\S+", r"\b", r"\B", r"\h+", r"\R", r"(?>\s+)x?", r"a*+a|b", r"(?:ab)++", r"^", r"$", r"\A.", r".\z", r".\Z", r".+", r"(?m:.+)",
    r"(?<=[a-z])(?=[A-Z])", r"(?<!\w)\w", r"(?i:[a-z]+)", r"(?i)the|K", r"\p{Lu}\p{Ll}*", r"\p{Han}+|\p{Hiragana}+|\p{Katakana}+", r"[[:punct:]]+", r"[[:alpha:]]+", r"[[:word:]]+", r"\p{word}+", r"[\p{L}&&[^a-z]]+", r"[^\n]+", r"(\w)\1", r"\p{M}", r"\p{^L}+",
    r"(?<quote>['\"]).*?\k<quote>", r"\p{Sc}|\p{Sm}", r"[^\S\r\n]+", r"\u00e9|\x{1F642}", r"(?=\d{3})", r"\p{N}{1,3}(?=(?:\p{N}{3})*\b)", r"[\p{P}\p{S}]|\p{Z}+", r"x{2,4}?", r"(?:\s|▁)(?!\s)", r"",
]

# --- pre-tokenizers
for i, pattern in enumerate(PATTERNS):
    pieces(f"Split {i} {pattern[:30]}", pre_tokenizer=split(pattern))
for behavior, invert in itertools.product(BEHAVIORS, [False, True]):
    pieces(f"Split {behavior} {invert}", pre_tokenizer=split(r"\w+|[^\w\s]+", behavior, invert))
    pieces(f"Split one {behavior} {invert}", pre_tokenizer=split(r"[ a.\d]", behavior, invert))
    pieces(f"Split string {behavior} {invert}", pre_tokenizer=split(" t", behavior, invert, "String"))
for behavior in BEHAVIORS:
    pieces(f"Punctuation {behavior}", pre_tokenizer={"type": "Punctuation", "behavior": behavior})
pieces("Punctuation", pre_tokenizer={"type": "Punctuation"})
pieces("Split empty string", pre_tokenizer=split("", kind="String"))
pieces("Split special string", pre_tokenizer=split(".", "MergedWithPrevious", kind="String"))
for kind in ["Whitespace", "WhitespaceSplit", "BertPreTokenizer", "UnicodeScripts"]:
    pieces(kind, pre_tokenizer={"type": kind})
for individual in [True, False]:
    pieces(f"Digits {individual}", pre_tokenizer={"type": "Digits", "individual_digits": individual})
for delimiter in [",", " ", "é", "🙂"]:
    pieces(f"CharDelimiterSplit {delimiter}", pre_tokenizer={"type": "CharDelimiterSplit", "delimiter": delimiter})
for length in [1, 3, 5]:
    pieces(f"FixedLength {length}", pre_tokenizer={"type": "FixedLength", "length": length})
for prefix, regex in itertools.product([False, True], repeat=2):
    pieces(f"ByteLevel {prefix} {regex}", pre_tokenizer=both(byte_level(prefix, regex), FIXED))
for scheme, cut in itertools.product(["always", "first", "never"], [True, False]):
    pieces(f"Metaspace {scheme} {cut}", pre_tokenizer=metaspace(scheme, cut) if cut else both(metaspace(scheme, cut), FIXED))
pieces("Metaspace older", pre_tokenizer={"type": "Metaspace", "replacement": "_", "add_prefix_space": True, "str_rep": "_"})
SEQUENCES = {
    "scripts metaspace": both({"type": "UnicodeScripts"}, metaspace()),
    "words metaspace": both({"type": "WhitespaceSplit"}, metaspace("first")),
    "digits metaspace first": both({"type": "Digits", "individual_digits": True}, metaspace("first")),
    "whitespace bytes": both({"type": "Whitespace"}, byte_level(True)),
    "digits bytes": both({"type": "Digits", "individual_digits": True}, byte_level()),
    "punctuation digits bytes": both({"type": "Punctuation", "behavior": "Contiguous"}, {"type": "Digits", "individual_digits": False}, byte_level()),
    "deepseek": both(*map(split, DEEPSEEK), {"type": "Digits", "individual_digits": True}, byte_level(False, False)),
    "llama 3": both(split(CL100K), byte_level(False, False)),
    "tiktoken": both(split(TIKTOKEN), byte_level(False, False)),
    "o200k": both(split(O200K, "Removed", True), byte_level(False, False)),
    "starcoder": both({"type": "Digits", "individual_digits": True}, byte_level(False, True)),
    "nested": both(both({"type": "WhitespaceSplit"}), both({"type": "Punctuation", "behavior": "MergedWithNext"}, {"type": "Digits", "individual_digits": False})),
    "bert fixed": both({"type": "BertPreTokenizer"}, {"type": "FixedLength", "length": 2}),
    "empty": both(),
}
for name, parts in SEQUENCES.items():
    pieces(f"Sequence {name}", pre_tokenizer=parts)
# Parts of one decomposed first character are all "first".
pieces("first of a decomposed", normalizer={"type": "NFKD"}, pre_tokenizer=both(split(r"."), metaspace("first")))
pieces("first after Prepend", normalizer={"type": "Prepend", "prepend": "▁x"}, pre_tokenizer=both(split(r"."), metaspace("first")))
pieces("first after Strip", normalizer={"type": "Strip", "strip_left": True, "strip_right": True}, pre_tokenizer=metaspace("first"))

# --- normalizers
NORMALIZERS = {kind: {"type": kind} for kind in ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel"]}
NORMALIZERS |= {f"Strip {left} {right}": {"type": "Strip", "strip_left": left, "strip_right": right} for left, right in itertools.product([True, False], repeat=2)}
NORMALIZERS |= {
    f"BertNormalizer {clean} {chinese} {accents} {lower}": {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese, "strip_accents": accents, "lowercase": lower}
    for clean, chinese, accents, lower in [(True, True, None, True), (True, True, None, False), (False, True, True, False), (True, False, False, True), (False, False, True, True), (False, False, False, False)]
}
NORMALIZERS |= {
    "Replace string": replace(" ", "▁"), "Replace regex": replace(r" {2,}", "▁", "Regex"), "Replace dollars": replace("a", "$1$$&"), "Replace empty": replace(r"(?=[A-Z])", "-", "Regex"), "Replace nothing": replace("", "|"), "Replace quotes": replace(r"``|''|[“”]", '"', "Regex"), "Replace possessive": replace(r"\s++x?", "_", "Regex"),
    "Prepend": {"type": "Prepend", "prepend": "▁"}, "Prepend empty": {"type": "Prepend", "prepend": ""},
    "llama": normalise({"type": "Prepend", "prepend": "▁"}, replace(" ", "▁")), "uncased": normalise({"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}), "nfkc strip": normalise({"type": "NFKC"}, {"type": "Strip", "strip_left": False, "strip_right": True}, replace(r" {2,}", " ", "Regex")), "none": normalise(),
}
for name, parts in NORMALIZERS.items():
    pieces(f"normalizer {name}", normalizer=parts, pre_tokenizer=FIXED)
    if name in ("NFKC", "NFKD", "Strip True False", "Prepend", "llama", "BertNormalizer True True None True", "Replace string"):
        pieces(f"normalizer {name}, Metaspace first", normalizer=parts, pre_tokenizer=both(metaspace("first"), FIXED))


def charsmap(**rules):
    """SentencePiece's own compiled table."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2 as pb
    stream = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter([prose(4000, 1)]), model_writer=stream, vocab_size=60, hard_vocab_limit=False, minloglevel=2, **rules)
    model = pb.ModelProto()
    model.ParseFromString(stream.getvalue())
    import base64
    return base64.b64encode(model.normalizer_spec.precompiled_charsmap).decode()


RULES = {"ﬁ": "fi", "①": "1", "½": "1⁄2", "e\u0301": "é", "e": "E", "ｶﾞ": "ガ", "ｶ": "カ", "\u00ad": "", "\u3000": " ", "ẞ": "ss", "👩\u200d💻": "w", "İ": "i\u0307", "\u0301": "", "가\u11a8": "각", "\r\n": "\n", "c\u0327\u0301": "ḉ", "\u2126": "\u03a9"}
with tempfile.NamedTemporaryFile("w", suffix=".tsv") as table:
    for source, target in RULES.items():
        table.write(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n")
    table.flush()
    SMALL = {"type": "Precompiled", "precompiled_charsmap": charsmap(normalization_rule_tsv=table.name)}
LARGE = {"type": "Precompiled", "precompiled_charsmap": charsmap(normalization_rule_name="nmt_nfkc_cf")}
pieces("normalizer Precompiled", normalizer=SMALL, pre_tokenizer=FIXED)
pieces("normalizer Precompiled nmt_nfkc_cf", normalizer=LARGE, pre_tokenizer=FIXED)
pieces("normalizer Precompiled, Metaspace first", normalizer=normalise(SMALL, replace(r" {2,}", " ", "Regex")), pre_tokenizer=metaspace("first"))

# --- models
SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]
CORPUS = [prose(6000, SEED + 7), *TEXTS, mixed(3000, SEED + 8)]
ADDED = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)
SPECIALS = [{"id": i, "content": content, **ADDED, "special": True} for i, content in enumerate(SPECIAL)]


def trained(kind, trainer, pre=None, normal=None, corpus=CORPUS, **options):
    t = Tokenizer(kind)
    if pre:
        t.pre_tokenizer = pre
    if normal:
        t.normalizer = normal
    t.train_from_iterator(corpus, trainer(special_tokens=SPECIAL, show_progress=False, **options))
    return json.loads(t.to_str())["model"]


def with_bytes(model, skip=()):
    """Byte tokens at the end of a vocabulary."""
    model = json.loads(json.dumps(model))
    names = [f"<0x{byte:02X}>" for byte in range(256) if byte not in skip]
    if isinstance(model["vocab"], list):
        model["vocab"] += [[name, 0.0] for name in names]
    else:
        for name in names:
            model["vocab"].setdefault(name, len(model["vocab"]))
    model["byte_fallback"] = True
    return model


ALPHABET = pre_tokenizers.ByteLevel.alphabet()
BYTES = trained(models.BPE(), trainers.BpeTrainer, pre_tokenizers.ByteLevel(add_prefix_space=False), vocab_size=420, initial_alphabet=ALPHABET)
PLAIN = trained(models.BPE(unk_token="<unk>"), trainers.BpeTrainer, pre_tokenizers.WhitespaceSplit(), vocab_size=260, limit_alphabet=60)
LLAMA = trained(models.BPE(unk_token="<unk>"), trainers.BpeTrainer, pre_tokenizers.Metaspace(), vocab_size=300, limit_alphabet=90)
RUNS = trained(models.BPE(unk_token="<unk>"), trainers.BpeTrainer, None, normalizers.Replace(" ", "▁"), [prose(700, 3)[i : i + 80] for i in range(0, 700, 80)], vocab_size=260)
LLAMA_NORMALIZER = NORMALIZERS["llama"]
LLAMA_DECODER = {"type": "Sequence", "decoders": [replace("▁", " "), {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}

case("GPT-2", tokenizer(BYTES, pre_tokenizer=byte_level(), decoder=byte_level(), post_processor=byte_level(), added_tokens=SPECIALS))
case("GPT-2 with prefix", tokenizer(BYTES, pre_tokenizer=byte_level(True), decoder=byte_level()))
case("bytes in one piece", tokenizer(BYTES, pre_tokenizer=byte_level(False, False)))
case("bytes by the normalizer", tokenizer(BYTES, normalizer={"type": "ByteLevel"}))
case("Llama 3", tokenizer({**BYTES, "ignore_merges": True, "vocab": {**BYTES["vocab"], "Ġofficial": 9000 % 421 + len(BYTES["vocab"]), "Ġtheir": len(BYTES["vocab"]) + 500}}, pre_tokenizer=SEQUENCES["llama 3"]))
case("ignore_merges in one piece", tokenizer({**BYTES, "ignore_merges": True, "vocab": {**BYTES["vocab"], "Ċ" * 3: 600}}, pre_tokenizer=byte_level(False, False)))
case("SmolLM", tokenizer(BYTES, pre_tokenizer=SEQUENCES["starcoder"], decoder=byte_level()))
case("DeepSeek", tokenizer(BYTES, pre_tokenizer=SEQUENCES["deepseek"], decoder=byte_level()))
case("Qwen", tokenizer(BYTES, normalizer={"type": "NFC"}, pre_tokenizer=SEQUENCES["llama 3"], decoder=byte_level()))
case("merges as lines", tokenizer({**BYTES, "merges": ["#version: 0.2", *[" ".join(pair) for pair in BYTES["merges"]]]}, pre_tokenizer=byte_level()))
case("merges twice", tokenizer({**BYTES, "merges": BYTES["merges"] + BYTES["merges"][:40]}, pre_tokenizer=byte_level()))
old = {key: BYTES[key] for key in ("vocab", "merges")}
case("without a type", tokenizer(old, pre_tokenizer=byte_level()))
case("dropout 0", tokenizer({**BYTES, "dropout": 0.0}, pre_tokenizer=byte_level()))
case("truncation and padding", tokenizer(BYTES, pre_tokenizer=byte_level(), truncation={"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}, padding={"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 3, "pad_type_id": 0, "pad_token": "<pad>"}))
for fuse, fallback, unknown in itertools.product([False, True], ["no", "all", "some"], ["<unk>", None]):
    model = LLAMA if fallback == "no" else with_bytes(LLAMA, skip=() if fallback == "all" else range(0xE0, 0xE9))
    case(f"BPE fuse_unk {fuse} bytes {fallback} {unknown}", tokenizer({**model, "fuse_unk": fuse, "unk_token": unknown}, pre_tokenizer=metaspace(), decoder=metaspace()))
case("Llama 2", tokenizer({**with_bytes(LLAMA), "fuse_unk": True}, normalizer=LLAMA_NORMALIZER, decoder=LLAMA_DECODER, added_tokens=SPECIALS, post_processor={"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}))
case("merges across words", tokenizer({**with_bytes(RUNS), "fuse_unk": True}, normalizer=LLAMA_NORMALIZER, decoder=LLAMA_DECODER))
case("merges across words, unknown", tokenizer({**RUNS, "fuse_unk": True}, normalizer=replace(" ", "▁")))
case("merges across words, each unknown", tokenizer({**RUNS, "fuse_unk": False}, normalizer=replace(" ", "▁")))
case("Gemma", tokenizer(with_bytes(LLAMA), normalizer=replace(" ", "▁"), pre_tokenizer=split(" ", "MergedWithPrevious", kind="String"), decoder={"type": "Sequence", "decoders": [replace("▁", " "), {"type": "ByteFallback"}, {"type": "Fuse"}]}))
for prefix, suffix in [("##", None), (None, "</w>"), ("@@", "</w>"), ("é", "")]:
    options = {key: value for key, value in {"continuing_subword_prefix": prefix, "end_of_word_suffix": suffix}.items() if value}
    model = trained(models.BPE(unk_token="<unk>", **options), trainers.BpeTrainer, pre_tokenizers.WhitespaceSplit(), vocab_size=300, limit_alphabet=70, **options)
    case(f"BPE {prefix} {suffix}", tokenizer(model, pre_tokenizer={"type": "WhitespaceSplit"}, decoder={"type": "BPEDecoder", "suffix": suffix or "</w>"}))
    case(f"BPE {prefix} {suffix} in one piece", tokenizer({**with_bytes(model), "fuse_unk": True}))
for fallback, pre in itertools.product([False, True], [metaspace(), None, {"type": "WhitespaceSplit"}]):
    model = trained(models.Unigram(), trainers.UnigramTrainer, pre_tokenizers.Metaspace(), vocab_size=260, unk_token="<unk>", corpus=[prose(6000, SEED + 7), *TEXTS[:3]])
    case(f"Unigram bytes {fallback} {pre and pre['type']}", tokenizer(with_bytes(model) if fallback else model, pre_tokenizer=pre, normalizer=None if pre else replace(" ", "▁"), decoder=metaspace("first")))
ties = {"type": "Unigram", "unk_id": 2, "byte_fallback": False, "vocab": [[piece, -1.0 * len(piece)] for piece in ["a", "b", "?", "ab", "ba", "aba", " ", "the", "t", "h", "e", "th", "he", "o", "x", "xx", "xxxx"]]}
case("Unigram ties", tokenizer(ties))
case("Unigram, unknown costs little", tokenizer({**ties, "vocab": [["<unk>", 50.0], ["th", -90.0], ["é", -90.0], ["éé", -100.0], ["<u", -5.0], ["x", -1.5]], "unk_id": 0}))
for longest, prefix in [(100, "##"), (6, "##"), (100, ""), (1000, "é")]:
    model = trained(models.WordPiece(unk_token="<unk>"), trainers.WordPieceTrainer, pre_tokenizers.BertPreTokenizer(), normalizers.BertNormalizer(), vocab_size=400, limit_alphabet=120)
    model = {**model, "max_input_chars_per_word": longest, "continuing_subword_prefix": prefix}
    case(f"WordPiece {longest} {prefix}", tokenizer(model, normalizer=NORMALIZERS["BertNormalizer True True None True"], pre_tokenizer={"type": "BertPreTokenizer"}, decoder={"type": "WordPiece", "prefix": prefix or "##", "cleanup": longest == 100}, post_processor={"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]}))
case("WordLevel", tokenizer(trained(models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer, pre_tokenizers.Whitespace(), vocab_size=200), pre_tokenizer={"type": "Whitespace"}))
case("CTC", tokenizer({"type": "WordLevel", "unk_token": "<unk>", "vocab": {piece: i for i, piece in enumerate(["<unk>", "|", "<pad>", *"abcdefghijklmnopqrstuvwxyz ."])}}, pre_tokenizer=split("", kind="String"), decoder={"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": True}))

# --- added tokens
token = lambda content, id=0, **flags: {"id": id, "content": content, **ADDED, **flags}
FLAGS = ["single_word", "lstrip", "rstrip", "normalized"]
for chosen in itertools.chain.from_iterable(itertools.combinations(FLAGS, n) for n in range(5)):
    flags = {flag: True for flag in chosen}
    added = [token("NEW", **flags), token("<tool>", **flags, special=True), token("the", **flags), token("½", **flags)]
    case(f"added {' '.join(chosen)}", tokenizer(with_bytes(LLAMA), normalizer=normalise({"type": "Lowercase"}, {"type": "NFKC"}), pre_tokenizer=metaspace("first"), added_tokens=SPECIALS + added))
    case(f"added {' '.join(chosen)}, llama", tokenizer(with_bytes(LLAMA), normalizer=LLAMA_NORMALIZER, added_tokens=SPECIALS + added))
CLASHES = {
    "another's id": [token("NEW", 7)], "gap": [token("NEW", 5000)], "id unlike the vocabulary's": [token("<pad>", 900, special=True), token("NEW", 3)],
    "twice": [token("NEW", 261), token("NEW", 261)], "twice, other flags": [token("NEW", 261), token("NEW", 261, lstrip=True)], "twice, fewer flags": [token("NEW", 261, lstrip=True), token("NEW", 261)],
    "special, then not": [token("NEW", 261, special=True, rstrip=True), token("NEW", 261)], "normalized, then not": [token("NEW", 261, normalized=True, lstrip=True), token("NEW", 261)],
    "one id for two": [token("NEW", 261), token("the", 261)], "empty": [token("", 261), token("NEW", 262)], "wrong order": [token("NEW", 262), token("the", 261)],
    "prefixes": [token("<|a|>", 261), token("<|a", 262), token("<|ab|>", 263), token("<", 264)], "white space": [token("  ", 261), token("\n", 262), token(" ", 263, normalized=True)], "of the vocabulary": [token(list(PLAIN["vocab"])[40], 40), token(list(PLAIN["vocab"])[41], 41, special=True, rstrip=True)],
}
for name, added in CLASHES.items():
    case(f"added {name}", tokenizer({**PLAIN}, pre_tokenizer={"type": "WhitespaceSplit"}, added_tokens=added))

# --- post-processors
special = lambda name: {"SpecialToken": {"id": name, "type_id": 0}}
TEXT = {"Sequence": {"id": "A", "type_id": 0}}
template = lambda single, **tokens: {"type": "TemplateProcessing", "single": single, "pair": [], "special_tokens": {name: {"id": name, "ids": ids, "tokens": [name] * len(ids)} for name, ids in tokens.items()}}
bert = {"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]}
roberta = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1], "trim_offsets": True, "add_prefix_space": False}
chain = lambda *stages: {"type": "Sequence", "processors": list(stages)}
PROCESSORS = {
    "template": template([special("a"), TEXT, special("b")], a=[1], b=[2]), "ids unlike names": template([special("<s>"), TEXT], **{"<s>": [9, 5, 9]}), "no ids": template([special("a"), TEXT], a=[]), "text twice": template([TEXT, special("a"), TEXT], a=[4]), "no text": template([special("a")], a=[4]), "nothing": template([]),
    "bert": bert, "roberta": roberta, "chain": chain(bert, roberta, template([special("a"), TEXT], a=[7]), byte_level()), "empty chain": chain(), "nested chain": chain(byte_level(), chain(bert, byte_level())), "bytes": byte_level(),
}
for name, parts in PROCESSORS.items():
    case(f"post-processor {name}", tokenizer(BYTES, pre_tokenizer=byte_level(), post_processor=parts, added_tokens=SPECIALS))

with open(sys.argv[1], "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", compresslevel=9, mtime=0) as packed:
    packed.write(json.dumps({"texts": TEXTS, "cases": cases}, ensure_ascii=False, separators=(",", ":")).encode())
print(len(cases), "tokenizers", len(TEXTS), "texts", sum(len(ids) for each in cases for ids in each["ids"]), "ids", file=sys.stderr)
