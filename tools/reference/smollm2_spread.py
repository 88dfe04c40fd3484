"""How far the oracle's own figures on SmolLM2 move when its numbers are rounded a little differently.

    SHARED=../shared LAB_DATA=... python tools/reference/smollm2_spread.py RUNS [ROW ...] >> tools/reference/smollm2_spread.jsonl

Run 0 is the oracle as it stands; run n multiplies each number of the embedding table by 1 + 2^-24 z, z normal with seed n: less
than one rounding of a float32. Lines that the file has already are not run again. Runs "grams n" are those of ../shared/torch/stability.py,
whose noise of 1e-6 is in the Grams.
"""
import json, os, sys

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.environ.get('SHARED', '../shared'), 'torch'))
import core as K  # noqa: E402
import methods as M  # noqa: E402

ROWS = {
    'gptq:bits=4,group=32,grid=integer': lambda m, c: M.gptq(m, c, 4, 32),
    'gptq:bits=3,group=32,grid=integer': lambda m, c: M.gptq(m, c, 3, 32),
    'sparsegpt:sparsity=0.5': lambda m, c: M.sparsegpt(m, c, '50%'),
    'w8a8:smooth=0.5': lambda m, c: M.w8a8(m, c, 0.5),
    'llm_int8:threshold=6': lambda m, c: M.llm_int8(m, c, 6.0),
    'awq:bits=4,group=32,clip=false,grid=integer': lambda m, c: M.awq(m, c, 4, 32),
    'wanda:sparsity=0.5': lambda m, c: M.wanda(m, c, '50%'),
}


def nudged(dense, run):
    m = dense.copy()
    if run:
        z = torch.randn(m.E.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(run))
        m.E = (m.E.double() * (1 + 2 ** -24 * z)).float()
    return m


if __name__ == '__main__':
    runs, words = int(sys.argv[1]), sys.argv[2:]
    path = os.path.join(HERE, 'smollm2_spread.jsonl')
    lines = [json.loads(line) for line in open(path)] if os.path.exists(path) else []
    have = {(line['recipe'], line['run']) for line in lines}
    dense = K.load('smollm2')
    calibration, evaluation = K.windows('smollm2', 8, 8)
    judge = K.Judge(dense, evaluation)
    for run in range(runs):
        for recipe, make in ROWS.items():
            if (recipe, run) in have or (words and not any(word in recipe for word in words)):
                continue
            figures = judge(make(nudged(dense, run), calibration))
            print(json.dumps(dict(recipe=recipe, run=run, **figures)), flush=True)
