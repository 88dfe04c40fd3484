"""Golden references of every family, by an independent implementation: transformers in float64.

    python tools/family_references.py [NAME …]

writes test/fixtures/families/NAME.json: config.json, the tensors' names, shapes and distributions, and for some token ids
a few rows of logits and the mean loss. Weights are not stored: `weights` makes them from a hash of the tensor's name and
the element's index, and test/fixtures/families/family_model.ts makes the same ones. Needs torch and transformers 5.
"""

import copy
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from family_configs import CONFIGS, KEYS, RENAMED, STORED_AS

FIXTURES = Path(__file__).resolve().parent.parent / "test" / "fixtures"
OUT = FIXTURES / "families"
OUT_KEYS = FIXTURES / "config_keys"
ALL = {**CONFIGS, **KEYS}
LENGTH = 20
# Rows of logits that are kept; the loss covers the others.
ROWS = [8, 18, 19]


def in_double_precision():
    """transformers computes norms, softmax and rotary tables in float32 whatever the model's type is: in float64 here."""
    torch.set_default_dtype(torch.float64)
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double


def hash32(name):
    """FNV-1a of the name's bytes."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def hashes(name, count):
    """32 bits for each index: the name's hash plus index · 2³²/φ, through the finaliser of MurmurHash3."""
    x = np.uint32(hash32(name)) + np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return x ^ (x >> np.uint32(16))


def weights(name, shape, centre, amplitude):
    """Uniform in centre ± amplitude, rounded to float32."""
    uniform = hashes(name, math.prod(shape)).astype(np.float64) / 2**31 - 1
    return torch.from_numpy((centre + amplitude * uniform).astype(np.float32).astype(np.float64).reshape(shape))


def token_ids(name, count, vocab_size):
    return [int(h) % vocab_size for h in hashes(name, count)]


def distribution(model, name, parameter):
    """Sizes at which attention attends, norms matter and every bias shows; residuals stay near 1."""
    owner = model.get_submodule(name.rpartition(".")[0])
    kind = type(owner).__name__
    if kind == "XIELUActivation":
        return {"beta": (0.4, 0.1), "eps": (-0.2, 0.1)}.get(name.rpartition(".")[2], (0.3, 0.5))
    if name.endswith("bias"):
        return 0, 0.2
    if "Norm" in kind:
        return (0 if kind.startswith(("Gemma", "Nemotron")) else 1), 0.3
    if kind.endswith("Embedding"):
        return 0, 0.2 if "ScaledWord" in kind else 0.5
    inputs = parameter.shape[0 if kind == "Conv1D" else 1]
    return 0, round(math.sqrt(3 / inputs), 4)


def class_of(config):
    """As AutoConfig chooses it: Mistral with a list of layers is Ministral."""
    listed = config["model_type"] == "mistral" and "layer_types" in config
    return "ministral" if listed else config["model_type"]


def stored_name(name, parameter_name):
    here, there = STORED_AS.get(name, ("", ""))
    stored = there + parameter_name.removeprefix(here) if parameter_name.startswith(here) else parameter_name
    for pattern, instead in RENAMED.get(name, []):
        stored = re.sub(pattern, instead, stored)
    return stored


def build(name):
    """The model and how its checkpoint stores it: [{name, shape, centre, amplitude}]."""
    config = copy.deepcopy(ALL[name])
    # Falcon's eager attention adds ALiBi twice (in its mask and to its scores), its default one does not.
    attention = "sdpa" if config["model_type"] == "falcon" else "eager"
    parsed = CONFIG_MAPPING[class_of(config)].from_dict(config)
    auto = AutoModelForImageTextToText if "vision_config" in config else AutoModelForCausalLM
    model = auto.from_config(parsed, attn_implementation=attention)
    model = model.double().eval()
    tensors = []
    with torch.no_grad():
        # Of buffers only xIELU's are stored.
        buffers = [(name, buffer) for name, buffer in model.named_buffers() if name.rpartition(".")[0].endswith("act_fn")]
        for parameter_name, parameter in [*model.named_parameters(), *buffers]:
            if re.search(r"vision_tower|multi_modal_projector", parameter_name):
                continue
            stored = stored_name(name, parameter_name)
            centre, amplitude = distribution(model, parameter_name, parameter)
            shape = list(parameter.shape)
            parameter.copy_(weights(stored, shape, centre, amplitude))
            tensors.append({"name": stored, "shape": shape, "centre": centre, "amplitude": amplitude})
    return model, tensors


def digits(values):
    return [float(f"{value:.7g}") for value in values]


def mean_loss(logits, ids):
    """In nats, over the predicted tokens of one sequence (tokens, vocab)."""
    return torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:])).item()


def run(model, ids):
    with torch.no_grad():
        logits = model(torch.tensor([ids]), use_cache=False).logits[0]
    rows = [row for row in ROWS if row < len(ids)]
    return {
        "input_ids": ids,
        "rows": rows,
        "logits": [digits(logits[row].tolist()) for row in rows],
        "loss": float(f"{mean_loss(logits, ids):.9g}"),
    }


def main(names):
    in_double_precision()
    from family_sliced import SLICED, sliced_reference

    for name in names or ALL:
        model, tensors = build(name)
        ids = token_ids(f"{name}.input_ids", LENGTH, model.config.get_text_config().vocab_size)
        # longrope turns otherwise in short sequences.
        lengths = [LENGTH, 12] if name == "phi3_longrope" else [LENGTH]
        golden = {
            "config": ALL[name],
            "tensors": tensors,
            "runs": [run(model, ids[:length]) for length in lengths],
        }
        if name in SLICED:
            golden["sliced"] = sliced_reference(name, model, ids)
        text = json.dumps(golden, separators=(",", ":"))
        ((OUT_KEYS if name in KEYS else OUT) / f"{name}.json").write_text(text + "\n")
        losses = ", ".join(f"{each['loss']:.4f}" for each in golden["runs"])
        spread = np.std(golden["runs"][0]["logits"])
        sliced = f", sliced {golden['sliced']['loss']:.4f}" if name in SLICED else ""
        print(f"{name}: {len(text)} bytes, loss {losses}, logits ± {spread:.2f}{sliced}")


if __name__ == "__main__":
    main(sys.argv[1:])
