#!/usr/bin/env python3
"""Writes test/fixtures/quant/gguf_blocks.json: random blocks of each quantised type of GGUF and the f32 values that the
public `gguf` package gives for them, little-endian and in base64.

    pip install gguf numpy
    python tools/gguf_quant_reference.py > test/fixtures/quant/gguf_blocks.json
"""

import base64
import json

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

# Byte offsets of the half floats of a block: their random bits must not be NaN or infinite.
HALVES = {
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q8_0": [0],
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
    "IQ4_NL": [0],
    "IQ4_XS": [0],
    "TQ1_0": [52],
    "TQ2_0": [64],
    "MXFP4": [],
    "NVFP4": [],
}
# Types that came later have a generator of their own: the blocks of the others stay what they were.
LATER = ("IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4")


def random_blocks(rng: np.random.Generator, name: str, blocks: int) -> np.ndarray:
    _, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    data = rng.integers(0, 256, (blocks, size), dtype=np.uint8)
    for at in HALVES[name]:
        while True:
            values = np.ascontiguousarray(data[:, at : at + 2]).view(np.float16)
            bad = ~np.isfinite(values[:, 0])
            if not bad.any():
                break
            data[bad, at : at + 2] = rng.integers(0, 256, (int(bad.sum()), 2), dtype=np.uint8)
    return data


def main() -> None:
    rng = np.random.default_rng(4)
    found = {}
    for name in HALVES:
        elements, _ = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
        data = random_blocks(np.random.default_rng(5) if name in LATER else rng, name, 5 if elements < 256 else 2)
        if name == "MXFP4":
            data[:, 0] = (0, 1, 2, 127, 250)
        if name == "NVFP4":
            data[0, :4] = (0, 1, 127, 255)
        values = quants.dequantize(data, GGMLQuantizationType[name]).astype("<f4")
        found[name] = {
            "blocks": base64.b64encode(data.tobytes()).decode(),
            "values": base64.b64encode(values.tobytes()).decode(),
        }
    print(json.dumps(found, indent=2))


main()
