"""Golden frequencies of rotary embeddings, by transformers.

    python tools/rotary_references.py

writes test/fixtures/rotary.json: for each config its frequencies and attention factor, and those of long sequences where
they differ. Needs torch and transformers 5.
"""

import copy
import json
from pathlib import Path

import torch
from transformers import LlamaConfig, Phi3Config, PhiConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.phi.modeling_phi import PhiRotaryEmbedding

OUT = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "rotary.json"
SIZES = {"hidden_size": 64, "num_attention_heads": 4, "max_position_embeddings": 131072}
SHORT = [1.0, 1.05, 1.1, 1.3, 1.6, 2.0, 2.2, 2.5]
LONG = [1.0, 1.5, 3.0, 7.0, 15.0, 30.0, 50.0, 64.0]
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}

# name: (class, config.json)
CASES = {
    "default": (LlamaConfig, {"rope_theta": 500000.0}),
    "no theta": (LlamaConfig, {}),
    "linear": (LlamaConfig, {"rope_theta": 10000.0, "rope_scaling": {"type": "linear", "factor": 4.0}}),
    "dynamic": (LlamaConfig, {"rope_scaling": {"type": "dynamic", "factor": 2.0}}),
    "llama3": (LlamaConfig, {"rope_theta": 500000.0, "rope_scaling": LLAMA3}),
    "llama3, as transformers 5 writes it": (LlamaConfig, {"rope_parameters": {**LLAMA3, "rope_theta": 500000.0}}),
    "yarn": (
        LlamaConfig,
        {"rope_theta": 1000000.0, "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}},
    ),
    "yarn with all its options": (
        LlamaConfig,
        {
            "rope_scaling": {
                "rope_type": "yarn",
                "factor": 16.0,
                "original_max_position_embeddings": 4096,
                "beta_fast": 24,
                "beta_slow": 2,
                "mscale": 0.8,
                "mscale_all_dim": 0.5,
                "truncate": False,
            }
        },
    ),
    "yarn with an attention factor": (
        LlamaConfig,
        {
            "rope_scaling": {
                "rope_type": "yarn",
                "factor": 2.0,
                "original_max_position_embeddings": 65536,
                "attention_factor": 1.25,
            }
        },
    ),
    "longrope": (
        Phi3Config,
        {"original_max_position_embeddings": 4096, "rope_scaling": {"type": "longrope", "short_factor": SHORT, "long_factor": LONG}},
    ),
    "longrope of a part": (
        Phi3Config,
        {
            "original_max_position_embeddings": 4096,
            "partial_rotary_factor": 0.75,
            "rope_scaling": {"type": "longrope", "short_factor": SHORT[:6], "long_factor": LONG[:6]},
        },
    ),
    "a part of each head": (PhiConfig, {"partial_rotary_factor": 0.4, "rope_theta": 10000.0}),
    "a part, as transformers 5 writes it": (
        PhiConfig,
        {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.25}},
    ),
}


def in_double_precision():
    """transformers computes frequencies in float32: in float64 here."""
    torch.set_default_dtype(torch.float64)
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double


def main():
    in_double_precision()
    cases = []
    for name, (config_class, own) in CASES.items():
        raw = {**SIZES, **own}
        config = config_class(**copy.deepcopy(raw))
        kind = config.rope_parameters["rope_type"]
        # Phi's own default is the general one: it knows a partial rotary.
        compute = ROPE_INIT_FUNCTIONS.get(kind, PhiRotaryEmbedding.compute_default_rope_parameters)
        inv_freq, attention_factor = compute(config, "cpu")
        case = {"name": name, "config": raw, "inv_freq": inv_freq.tolist(), "attention_factor": attention_factor}
        if kind == "longrope":
            case["long"] = compute(config, "cpu", seq_len=4097)[0].tolist()
        cases.append(case)
    OUT.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
    print(f"{len(cases)} cases, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
