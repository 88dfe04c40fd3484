"""LLM-Pruner's scores (arXiv 2305.11627, section 3.2) by torch autograd in float64, and what pruning by them leaves.

A group is all that goes with a unit: of a key-value group of attention its rows of q, k and v and its columns of o, of an MLP
channel its rows of gate and up and its column of down. With L the mean loss over the calibration windows, g its gradient and
F = mean over windows of (gradient of the window's own loss)^2, the importance of
  an element (level=element) is |g·w|, or |g·w − F·w²/2| with the diagonal Fisher (equations 4 and 6),
  a vector (level=vector), one row or column of one matrix, is the absolute value of the sum of the same over it (equation 3),
and that of a group the sum over what it has. In each layer the lowest groups go.

Writes test/fixtures/llm_pruner.json. Run with the models and texts beside the checkout:
    python tools/pruning/llm_pruner.py SHARED
"""
import json
import math
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

OUT = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "llm_pruner.json"
SEQLEN, SAMPLES = 128, 8
MODELS = {"stories260k": "stories", "opt-tiny": "brown"}
SETTINGS = [(score, level) for score in ("taylor", "fisher") for level in ("element", "vector")]
KEEP = 0.75


def windows(tokenizer, path):
    ids = torch.tensor(tokenizer(path.read_text(encoding="utf-8")).input_ids)
    return ids[: SEQLEN * SAMPLES].view(SAMPLES, SEQLEN)


def window_loss(model, row):
    logits = model(row[None]).logits[0, :-1]
    return torch.nn.functional.cross_entropy(logits, row[1:])


def halves(model):
    """Of each layer and half: (linears whose rows belong to units, the one whose columns do, units)."""
    config = model.config
    kv = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    layers = model.model.layers if hasattr(model.model, "layers") else model.model.decoder.layers
    for layer in layers:
        a = layer.self_attn
        o = getattr(a, "o_proj", None) or a.out_proj
        yield "attention", [a.q_proj, a.k_proj, a.v_proj], o, kv
        if hasattr(layer, "mlp"):
            m = layer.mlp
            yield "mlp", [m.gate_proj, m.up_proj], m.down_proj, m.down_proj.in_features
        else:
            yield "mlp", [layer.fc1], layer.fc2, layer.fc2.in_features


def scores_of(G, F, rows, columns, units, score, level):
    total = torch.zeros(units, dtype=torch.float64)
    for linear, is_turned in [*((linear, False) for linear in rows), (columns, True)]:
        w, g, f = (linear.weight.detach(), G[linear], F[linear])
        s = g * w - (0.5 * f * w * w if score == "fisher" else 0)
        s = s.T if is_turned else s
        per = s.abs().sum(1) if level == "element" else s.sum(1).abs()
        total += per.view(units, -1).sum(1)
    return total


def main(shared):
    figures = {"seqlen": SEQLEN, "samples": SAMPLES, "keep": KEEP, "models": {}}
    for name, text in MODELS.items():
        model = AutoModelForCausalLM.from_pretrained(shared / "models" / name, dtype=torch.float64).eval()
        tokenizer = AutoTokenizer.from_pretrained(shared / "models" / name)
        calibration = windows(tokenizer, shared / "text" / f"{text}.calibration.txt")
        evaluation = windows(tokenizer, shared / "text" / f"{text}.evaluation.txt")
        linears = {linear for _, rows, columns, _ in halves(model) for linear in [*rows, columns]}
        G = {linear: torch.zeros_like(linear.weight) for linear in linears}
        F = {linear: torch.zeros_like(linear.weight) for linear in linears}
        for row in calibration:
            model.zero_grad()
            window_loss(model, row).backward()
            for linear in linears:
                G[linear] += linear.weight.grad / SAMPLES
                F[linear] += linear.weight.grad ** 2 / SAMPLES
        of = figures["models"][name] = {}
        kept_weights = {linear: linear.weight.detach().clone() for linear in linears}
        for score, level in SETTINGS:
            entry = {"attention": [], "mlp": []}
            with torch.no_grad():
                for half, rows, columns, units in halves(model):
                    s = scores_of(G, F, rows, columns, units, score, level)
                    gone = torch.argsort(s, stable=True)[: min(units - 1, round((1 - KEEP) * units))]
                    mask = torch.ones(units, dtype=torch.float64)
                    mask[gone] = 0
                    columns.weight.mul_(mask.repeat_interleave(columns.in_features // units))
                    entry[half].append({"norm": s.norm().item(), "first": s[:6].tolist(), "gone": sorted(gone.tolist())})
                entry["perplexity"] = math.exp(sum(window_loss(model, row).item() for row in evaluation) / SAMPLES)
                for linear, weight in kept_weights.items():
                    linear.weight.copy_(weight)
            of[f"score={score},level={level}"] = entry
            print(name, score, level, entry["perplexity"])
    OUT.write_text(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
