"""Writes test/fixtures/gguf_names.json: what llama.cpp calls the tensors of the models in test/fixtures/families.

Needs the `gguf` package (0.19 was used). Run from the repository root: python tools/gguf_names.py
"""

import json
from pathlib import Path

import gguf

ARCHITECTURES = {
    "bloom": "BLOOM",
    "falcon": "FALCON",
    "gemma": "GEMMA",
    "gemma2": "GEMMA2",
    "gemma3_text": "GEMMA3",
    "gpt2": "GPT2",
    "gpt_neox": "GPTNEOX",
    "granite": "GRANITE",
    "llama": "LLAMA",
    "mistral": "LLAMA",
    "olmo2": "OLMO2",
    "phi": "PHI2",
    "phi3": "PHI3",
    "qwen2": "QWEN2",
    "qwen3": "QWEN3",
    "smollm3": "SMOLLM3",
    "stablelm": "STABLELM",
}

names = {}
for path in sorted(Path("test/fixtures/families").glob("*.json")):
    family = json.loads(path.read_text())
    architecture = ARCHITECTURES.get(family["config"]["model_type"])
    if architecture is None:
        continue
    enum = gguf.MODEL_ARCH[architecture]
    table = gguf.get_tensor_name_map(enum, 8)
    found = {t["name"]: table.get_name(t["name"], try_suffixes=(".weight", ".bias")) for t in family["tensors"]}
    if None in found.values():
        continue  # llama.cpp has no such model (Falcon-RW)
    names[path.stem] = {"architecture": gguf.MODEL_ARCH_NAMES[enum], "tensors": found}
Path("test/fixtures/gguf_names.json").write_text(json.dumps(names, indent=1) + "\n")
