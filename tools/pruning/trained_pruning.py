"""What LoRAPrune (arXiv 2305.18403) and GUM (arXiv 2302.03773) say of units, by torch autograd in float64, from the papers.

Every linear of the layers gets an adapter that formulas give, W = W0 + scale * B A. With L the mean loss over the calibration windows:
  loraprune  G = dL/dB A + B dL/dA - dL/dB dL/dA estimates the gradient of W; of a unit the sum of (G * W)^2 over all its weights,
  movement   -sum of W * dL/dW over the same weights, with the true gradient: one step of movement pruning,
  unique     1 / sum over the units of the layer of |cos| of what they give on the text, in the model without adapters, itself included;
             of a head group the products of all its columns count together,
  gum        movement * unique where movement is positive, else movement / unique.
The papers leave a scale of their scores free (learning rates, the adapters' own scale); here there is none.

Writes test/fixtures/trained_pruning.json. Run with the models and texts beside the checkout:
    python tools/pruning/trained_pruning.py SHARED
"""
import json
import math
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from llm_pruner import halves, window_loss, windows

OUT = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "trained_pruning.json"
SEQLEN, SAMPLES, RANK, SCALE = 128, 8, 4, 4.0
MODELS = {"stories260k": "stories", "opt-tiny": "brown"}


def factors(linear, k):
    """The k-th linear's A (rank, in) and B (out, rank)."""
    rows, columns = linear.weight.shape
    i, j = torch.arange(RANK, dtype=torch.float64)[:, None], torch.arange(columns, dtype=torch.float64)[None]
    A = torch.cos(0.7 * i + 1.3 * j + k) / math.sqrt(columns)
    i, j = torch.arange(rows, dtype=torch.float64)[:, None], torch.arange(RANK, dtype=torch.float64)[None]
    return A, 0.02 * torch.sin(0.9 * i + 0.5 * j + k)


def by_unit(values, is_turned, units):
    return (values.T if is_turned else values).sum(1).view(units, -1).sum(1)


def members(rows, columns):
    return [*((linear, False) for linear in rows), (columns, True)]


def summary(s, keep=0.75):
    gone = torch.argsort(s, stable=True)[: round((1 - keep) * len(s))]
    return {"norm": s.norm().item(), "first": s[:6].tolist(), "gone": sorted(gone.tolist())}


def main(shared):
    figures = {"seqlen": SEQLEN, "samples": SAMPLES, "rank": RANK, "scale": SCALE, "models": {}}
    for name, text in MODELS.items():
        model = AutoModelForCausalLM.from_pretrained(shared / "models" / name, dtype=torch.float64).eval()
        tokenizer = AutoTokenizer.from_pretrained(shared / "models" / name)
        calibration = windows(tokenizer, shared / "text" / f"{text}.calibration.txt")

        inputs = {}
        parts = list(halves(model))
        hooks = [c.register_forward_pre_hook(lambda m, x: inputs.setdefault(m, []).append(x[0].reshape(-1, x[0].shape[-1]))) for _, _, c, _ in parts]
        with torch.no_grad():
            for row in calibration:
                model(row[None])
        for hook in hooks:
            hook.remove()

        linears, adapters = [], {}
        for _, rows, columns, _ in parts:
            linears += [*rows, columns]
        for k, linear in enumerate(linears):
            A, B = (t.requires_grad_() for t in factors(linear, k))
            adapters[linear] = (A, B)
            linear.base = linear.weight.detach()
        # The merged weight is what autograd sees.
        merged = {linear: (linear.base + SCALE * B @ A) for linear, (A, B) in adapters.items()}
        for linear, W in merged.items():
            W.retain_grad()
            del linear.weight
            linear.weight = W
        loss = sum(window_loss(model, row) for row in calibration) / SAMPLES
        loss.backward()

        of = figures["models"][name] = {"loss": loss.item(), **{half: [] for half in ("attention", "mlp")}}
        with torch.no_grad():
            for half, rows, columns, units in parts:
                lora, movement = torch.zeros(units, dtype=torch.float64), torch.zeros(units, dtype=torch.float64)
                for linear, is_turned in members(rows, columns):
                    A, B = adapters[linear]
                    G = B.grad @ A + B @ A.grad - B.grad @ A.grad
                    lora += by_unit((G * merged[linear]) ** 2, is_turned, units)
                    movement -= by_unit(merged[linear] * merged[linear].grad, is_turned, units)
                X = torch.cat(inputs[columns])
                U = X.view(X.shape[0], units, -1).transpose(0, 1).reshape(units, -1)
                U = U / U.norm(dim=1, keepdim=True).clamp_min(1e-300)
                cos = (U @ U.T).abs().fill_diagonal_(1)
                unique = 1 / cos.sum(1)
                gum = torch.where(movement > 0, movement * unique, movement / unique)
                scores = {"loraprune": lora, "movement": movement, "unique": unique, "gum": gum}
                of[half].append({key: summary(s) for key, s in scores.items()})
        print(name, loss.item())
    OUT.write_text(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
