"""Right values for src/compress/width and src/compress/depth, from pruning.py.

    SHARED=../shared LAB_DATA=FOLDER python tools/pruning/make_fixtures.py > test/fixtures/pruning.json

`matrices`: on fixed numbers of a linear congruential generator that the TypeScript test repeats. `models`: figures of whole
models, measured as those of shared/reference/methods (LAB_DATA holds the token ids that the oracle's tokens.py writes).
"""
import contextlib, importlib.util, io, json, os, sys

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.environ.get('SHARED', '../shared'), 'torch')]
from core import Judge, load, windows  # noqa: E402
import pruning as P  # noqa: E402

spec = importlib.util.spec_from_file_location('solver_fixtures', os.path.join(HERE, '..', 'solvers', 'make_fixtures.py'))
numbers = importlib.util.module_from_spec(spec)
with contextlib.redirect_stdout(io.StringIO()):  # it prints its own fixture
    spec.loader.exec_module(numbers)
case, listed = numbers.case, numbers.listed

RECIPES = {
    'width:keep=0.8,score=wanda': dict(score='wanda'),
    'width:keep=0.8,score=flap': dict(score='flap'),
    'width:keep=0.8,score=obs': dict(score='obs'),
    'width:keep=0.8,score=wanda,compensate=false': dict(score='wanda', compensate=False),
    'width:keep=0.8,score=flap,compensate=false,bias=true': dict(score='flap', compensate=False, bias=True),
    'width:keep=0.8,score=flap,bias=true': dict(score='flap', bias=True),
    'width:keep=0.8,score=flap,budget=global': dict(score='flap', budget='global'),
    'width:keep=0.8,score=obs,units=channels': dict(score='obs', heads=False),
    'width:keep=0.5,score=obs,budget=global': dict(score='obs', keep=0.5, budget='global'),
}


def matrices():
    W, X, G = case(7, 6, 40, 90)
    singles = [torch.tensor([j]) for j in range(40)]
    fours = [torch.arange(g * 4, g * 4 + 4) for g in range(10)]
    kept = [j for j in range(40) if j % 3]
    V, b = P.compensated(W, X, torch.tensor(kept))
    U, ub = P.compensated(W, X, torch.tensor(kept), bias=True)
    scores = {s: [round(float(x), 12) for x in P.unit_scores(s, W, X, fours, False)] for s in ('wanda', 'flap', 'obs')}
    standard = {s: [round(float(x), 12) for x in P.standard(s, W, X, fours, False)] for s in ('wanda', 'flap', 'obs')}
    return dict(scores=scores, standard=standard, obs_singles=P.obs_gone(W, G, singles, 25), obs_groups=P.obs_gone(W, G, fours, 6),
                compensated=listed(V), centred=listed(U), bias=[round(float(x), 12) for x in ub])


def models():
    out = {}
    for name in sys.argv[1:] or ['stories260k', 'opt-tiny']:
        dense = load(name)
        cal, ev = windows(name, 16, 16)
        judge, rows = Judge(dense, ev), {}
        def row(recipe, m):
            rows[recipe] = dict(judge(m), **{k: v for k, v in m.size().items() if k in ('bytes', 'params')}, log=m.log)
            print(name, recipe, rows[recipe], file=sys.stderr, flush=True)
        for recipe, options in RECIPES.items(): row(recipe, P.width(dense, cal, **options))
        for drop in (1, 2):
            if drop < len(dense.L): row(f'depth:drop={drop},replace=linear', P.replace(dense, cal, drop))
        out[name] = rows
    return out


if __name__ == '__main__':
    print(json.dumps(dict(matrices=matrices(), models=models())))
