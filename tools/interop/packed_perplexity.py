"""Perplexity of exported packed safetensors by other programs, beside what Whittle says of them in report.json.

    python packed_perplexity.py TEXT SEQLEN WINDOWS FOLDER…

compressed-tensors: by transformers with that library (files with zero points with dequantize=True, which alone opens them).
GPTQ: by gptqmodel through transformers where it is installed, and by the unpacking below, written from the format's
description (qweight: int32 words of 32/bits codes along the inputs; qzeros: the same along the outputs, one less in version 1;
scales (groups, out); g_idx: each input's group). Needs torch, transformers, safetensors and compressed-tensors.
"""
import json
import math
import sys
import warnings

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, CompressedTensorsConfig, GPTQConfig

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()


def unpacked(words: torch.Tensor, bits: int, dim: int) -> torch.Tensor:
    """Codes of `bits` bits along `dim`, the lowest bits first; a stream of bits where 32 is no multiple of them (3 bits)."""
    words = words.movedim(dim, -1).to(torch.int64) & 0xFFFFFFFF
    stream = ((words[..., None] >> torch.arange(32)) & 1).flatten(-2)
    codes = (stream.unflatten(-1, (-1, bits)) << torch.arange(bits)).sum(-1)
    return codes.movedim(-1, dim)


def gptq_weights(folder: str, config: dict) -> dict:
    tensors = load_file(f"{folder}/model.safetensors")
    late = config.get("checkpoint_format") != "gptq_v2"
    dynamic = config.get("dynamic") or {}
    out = {}
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        if kind in ("qzeros", "scales", "g_idx"):
            continue
        if kind != "qweight":
            out[name] = tensor.float()
            continue
        own = next((rule for pattern, rule in dynamic.items() if __import__("re").match(pattern.lstrip("+:"), module)), {})
        bits = own.get("bits", config["bits"])
        codes = unpacked(tensor, bits, 0)
        zeros = unpacked(tensors[f"{module}.qzeros"], bits, 1) + (1 if late else 0)
        group = tensors[f"{module}.g_idx"].long()
        scales = tensors[f"{module}.scales"].double()
        out[f"{module}.weight"] = ((codes - zeros[group]) * scales[group]).T.float().contiguous()
    return out


def by_hand(folder: str, config) -> torch.nn.Module:
    quantization = config.quantization_config
    del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    missing, unexpected = model.load_state_dict(gptq_weights(folder, quantization), strict=False)
    assert not unexpected and all(name == "lm_head.weight" for name in missing), (missing, unexpected)
    model.tie_weights()
    return model.eval()


def perplexity(model, ids, seqlen: int, windows: int) -> float:
    losses = []
    for i in range(windows):
        x = torch.tensor([ids[i * seqlen : (i + 1) * seqlen]])
        with torch.no_grad():
            logits = model(x).logits[0].double()
        losses.append(torch.nn.functional.cross_entropy(logits[:-1], x[0, 1:]).item())
    return math.exp(sum(losses) / windows)


def readers(folder: str):
    config = AutoConfig.from_pretrained(folder)
    method, bits = config.quantization_config["quant_method"], config.quantization_config.get("bits")
    load = lambda **more: AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **more).eval()
    if method == "gptq":
        yield "unpacked by hand", lambda: by_hand(folder, config)
        yield "transformers, gptqmodel", lambda: load(quantization_config=GPTQConfig(bits=bits, backend="torch"))
    else:
        yield "transformers", load
        yield "transformers, dequantize=True", lambda: load(quantization_config=CompressedTensorsConfig(dequantize=True))


def main(text: str, seqlen: str, windows: str, *folders: str) -> None:
    with open(text, encoding="utf-8", newline="") as file:
        content = file.read()
    for folder in folders:
        ids = AutoTokenizer.from_pretrained(folder)(content, add_special_tokens=False)["input_ids"]
        report = json.load(open(f"{folder}/report.json"))
        own = {e["perplexity"] for run in report["runs"] for e in run["exports"]}
        print(folder, "says", *sorted(own))
        for name, load in readers(folder):
            try:
                print(f"  {name}: {perplexity(load(), ids, int(seqlen), int(windows)):.6f}")
            except Exception as error:
                print(f"  {name}: {type(error).__name__}: {str(error).splitlines()[0][:160]}")


main(*sys.argv[1:])
