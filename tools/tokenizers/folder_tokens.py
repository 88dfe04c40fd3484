"""test/fixtures/folder_tokens.json: tokens that the files beside a tokenizer.json add, with the ids that transformers gives.

usage: python tools/tokenizers/folder_tokens.py OUT.json [SEED]    (transformers 5.24.0, tokenizers 0.23.3)
Another seed makes other folders: that is how Whittle is fuzzed against transformers.
"""
import json, os, random, sys, tempfile

os.environ.update(TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")

from transformers import AutoTokenizer

random.seed(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
CONTENTS = ["<s>", "</s>", "<pad>", "<tool>", "the", "<|im_start|>", "  ", "user", "½", "<unk>"]
TEXTS = ["Hello<s> the other </s>!  <tool>x <tool>  <|im_start|>user\nthe<pad> the ½ ", "<s><s></s> <tool>the <|im_start|>  the½user <unk>", "  users use the tool   "]
PIECES = ["<unk>", "<s>", "</s>", "<pad>", *map(chr, range(0x21, 0x7F)), "Ġ", "Ċ", "Â", "½", "th", "the", "Ġthe", "us"]
MODEL = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": {piece: id for id, piece in enumerate(PIECES)}, "merges": [["t", "h"], ["th", "e"], ["Ġ", "the"], ["u", "s"]]}
BASE = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}, "post_processor": None, "decoder": None, "model": MODEL}


def token(some=True):
    flags = ["lstrip", "rstrip", "single_word", "normalized", "special"]
    return {"content": random.choice(CONTENTS), **{flag: random.random() < 0.3 for flag in flags if some or random.random() < 0.5}}


def named(typed=True):
    if random.random() < 0.6:
        return random.choice(CONTENTS)
    found = token(random.random() < 0.7)
    if typed:
        return {**found, "__type": "AddedToken"}
    found.pop("special", None)
    return found


def maybe(chance, value):
    return value() if random.random() < chance else None


def present(entries):
    return {key: value for key, value in entries.items() if value is not None}


def own_tokens():
    if random.random() < 0.3:
        return []
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    own = [{"id": id, "content": content, **flags} for id, content in enumerate(PIECES[:4])]
    for i in range(random.randrange(3)):
        extra = {"id": len(PIECES) + i, **token()}
        if all(each["content"] != extra["content"] for each in own):
            own.append(extra)
    return own


def listed_tokens():
    # Each content once: what two entries of one token mean depends on transformers' own tables.
    found = {each["content"]: each for each in [token(random.random() < 0.8) for _ in range(3)]}
    return dict(zip(map(str, random.sample([0, 1, 2, 3, 9, 120, 130], 3)), found.values()))


def folder():
    changed = {"added_tokens": own_tokens(), "normalizer": random.choice([None, {"type": "Lowercase"}, {"type": "Prepend", "prepend": "the"}])}
    names = ["bos_token", "eos_token", "unk_token", "pad_token", "mask_token", "image_token"]
    config = present({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "added_tokens_decoder": maybe(0.5, listed_tokens),
        **{name: maybe(0.3, named) for name in names},
        "additional_special_tokens": maybe(0.2, lambda: [named() for _ in range(2)]),
        "extra_special_tokens": maybe(0.2, lambda: random.choice([{}, [named(), named()], {"q_token": named()}])),
        "split_special_tokens": maybe(0.2, lambda: True),
        "add_bos_token": maybe(0.2, lambda: True),
    })
    files = {"tokenizer_config.json": config, "special_tokens_map.json": maybe(0.3, lambda: present({name: maybe(0.5, lambda: named(False)) for name in names[:4]})), "added_tokens.json": maybe(0.3, lambda: {random.choice(CONTENTS): 120 + i for i in range(3)})}
    return changed, present(files)


cases = []
for i in range(60):
    changed, files = folder()
    with tempfile.TemporaryDirectory() as place:
        for name, value in {**files, "tokenizer.json": {**BASE, **changed}, "config.json": {"model_type": "llama"}}.items():
            with open(f"{place}/{name}", "w") as file:
                json.dump(value, file)
        found = AutoTokenizer.from_pretrained(place)
        cases.append({"changed": changed, "files": files, "ids": [found(text)["input_ids"] for text in TEXTS]})
with open(sys.argv[1], "w") as file:
    json.dump({"texts": TEXTS, "tokenizer": BASE, "cases": cases}, file, ensure_ascii=False, separators=(",", ":"))
    file.write("\n")
