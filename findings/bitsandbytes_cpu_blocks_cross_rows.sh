#!/usr/bin/env bash
# bitsandbytes cuts a 4-bit weight into blocks of 64 values as it lies in memory, so where a row is no multiple of 64 a block reaches
# from one row into the next. On CPU `quantize_4bit` packs such a matrix so, and `dequantize_4bit` of the same library reads its
# scales as if each row began a block: numbers come back that were never stored, without a word. The codes and scales themselves are
# right: taken apart by hand, or as one long row, the same bytes give the weights back. A width-pruned model has just such rows. Where
# every row is a multiple of 64, both agree. Exits 0 while it is so, 1 when it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet torch==2.13.0 bitsandbytes==0.50.2 numpy
cat > finding.py <<'PY'
import copy, sys
import bitsandbytes, torch
import bitsandbytes.functional as F

BLOCK = 64
print(f"bitsandbytes {bitsandbytes.__version__}, torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, NF4 in blocks of {BLOCK}")
print("largest error of a value, in units of the largest weight: by the library, as one row, by hand")


def errors(rows, columns):
    torch.manual_seed(0)
    weight = torch.randn(rows, columns)
    packed, state = F.quantize_4bit(weight, blocksize=BLOCK, quant_type="nf4")
    flat = copy.copy(state)
    flat.shape = torch.Size([1, rows * columns])
    codes = torch.stack([packed.flatten() >> 4, packed.flatten() & 15], 1).flatten().long()
    by_hand = (state.code[codes] * state.absmax.repeat_interleave(BLOCK)[: codes.numel()]).view(rows, columns)
    found = [F.dequantize_4bit(packed, state), F.dequantize_4bit(packed, flat).view(rows, columns), by_hand]
    return [((one - weight).abs().max() / weight.abs().max()).item() for one in found]


as_told = True
for rows, columns in [(32, 128), (32, 192), (32, 96), (32, 160), (64, 32)]:
    library, flat, by_hand = errors(rows, columns)
    whole = columns % BLOCK == 0
    print(f"  {rows} x {columns} ({'whole blocks' if whole else 'blocks cross rows'}): {library:.2f} {flat:.2f} {by_hand:.2f}")
    # The widest gap of NF4's values is 0.30 of a block's largest: half of it is what rounding may cost.
    as_told &= flat < 0.16 and by_hand < 0.16 and (library < 0.16 if whole else library > 0.3)
print("as described" if as_told else "CHANGED")
sys.exit(0 if as_told else 1)
PY
env/bin/python finding.py
