#!/usr/bin/env python3
"""Writes test/fixtures/quant/float8.json: the f32 values of all 256 codes of each 8-bit float type as torch gives them,
little-endian and in base64. NaN has the bits 0x7fc00000.

    pip install torch
    python tools/float8_reference.py > test/fixtures/quant/float8.json
"""

import base64
import json

import torch

TYPES = {
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
    "F8_E8M0": torch.float8_e8m0fnu,
}

codes = torch.arange(256, dtype=torch.uint8)
found = {}
for name, dtype in TYPES.items():
    values = codes.view(dtype).to(torch.float32)
    values[values.isnan()] = float("nan")
    found[name] = base64.b64encode(values.numpy().astype("<f4").tobytes()).decode()
print(json.dumps(found, indent=2))
