"""Whether transformers opens what Whittle wrote as safetensors, without a word, and computes what it did.

    npx tsx tools/interop/family_exports.ts FOLDER
    python tools/interop/transformers_logits.py FOLDER [OUT.json]

Prints for each family, source and precision the largest difference of logits from the model that the files came from, loaded by
transformers from its own files, and everything that transformers warned of. Needs torch and transformers 5.
"""

import contextlib
import io
import json
import logging
import sys
import warnings
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM

IDS = torch.tensor([[(7 * i * i + 3 * i + 5) % 256 for i in range(20)]])


def logits(folder):
    """In f32, and what was said while the model was opened."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    logging.getLogger("transformers").addHandler(handler)
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stderr(said), torch.no_grad():
        warnings.simplefilter("always")
        model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
        found = model.eval()(IDS).logits[0]
    logging.getLogger("transformers").removeHandler(handler)
    told = [line for line in said.getvalue().splitlines() if line.strip() and "Loading weights" not in line]
    told += [str(each.message) for each in caught]
    told += [f"{key}: {value}" for key, value in info.items() if value]
    return found, told


def main(folder, out=None):
    rows = {}
    for family in sorted(Path(folder).iterdir()):
        expected, _ = logits(family / "source")
        for export in sorted(family.iterdir()):
            if export.name == "source":
                continue
            try:
                found, told = logits(export)
                row = {"max_abs": float((found - expected).abs().max()), "said": told}
            except Exception as error:  # noqa: BLE001
                row = {"max_abs": None, "said": [f"{type(error).__name__}: {str(error)[:300]}"]}
            rows[f"{family.name}/{export.name}"] = row
            print(f"{family.name}/{export.name}", row["max_abs"], *row["said"], flush=True)
    if out:
        versions = {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]}
        Path(out).write_text(json.dumps({"versions": versions, "exports": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
