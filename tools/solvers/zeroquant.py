"""Right figures for ZeroQuant's rounding (arXiv 2206.01861, without its distillation), on the oracle's models and judge.

    SHARED=../shared LAB_DATA=... python tools/solvers/zeroquant.py > test/fixtures/zeroquant.json

Written from the paper: nothing here follows the TypeScript. Weights: groups of consecutive inputs of an output, symmetric, scale
max|w| / (2^(b-1) - 1) rounded to float16, b-bit codes. Activations: token by token, symmetric, scale max|x| / (2^(a-1) - 1).
Bytes: the codes, and a float16 scale a group.
"""
import json, math, os, sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.environ.get('SHARED', '../shared'), 'torch'))
import core as K  # noqa: E402

SETTINGS = {
    'zeroquant': (8, 32, 8),
    'zeroquant:bits=4,group=32': (4, 32, 8),
    'zeroquant:bits=8,group=48,activation_bits=4': (8, 48, 4),
}


def grouped(W, bits, g):
    o, i = W.shape
    n = math.ceil(i / g)
    w = F.pad(W.double(), (0, n * g - i)).view(o, n, g)
    top = 2 ** (bits - 1) - 1
    s = (w.abs().amax(2, keepdim=True) / top).half().double()
    s[s == 0] = 1
    q = (w / s).round().clamp(-top, top) * s
    return q.view(o, n * g)[:, :i], math.ceil(o * i * bits / 8) + 2 * o * n


def tokenwise(x, bits):
    top = 2 ** (bits - 1) - 1
    s = x.abs().amax(-1, keepdim=True) / top
    s = torch.where(s == 0, torch.ones_like(s), s)
    return (x / s).round() * s


@torch.no_grad()
def zeroquant(dense, bits, g, a):
    m = dense.copy()
    for _, l, n in m.linears():
        W, l['bytes'][n] = grouped(l['W'][n], bits, g)
        l['W'][n] = W.float()
        l['fx'][n] = lambda x: tokenwise(x, a)
    return m


out = {}
for model in sys.argv[1:] or ('stories260k', 'opt-tiny', 'demo'):
    dense = K.load(model)
    _, evaluation = K.windows(model, 16, 16)
    judge = K.Judge(dense, evaluation)
    out[model] = {}
    for recipe, setting in SETTINGS.items():
        m = zeroquant(dense, *setting)
        size = m.size()
        out[model][recipe] = dict(judge(m), bytes=size['bytes'], params=size['params'])
json.dump(out, sys.stdout, indent=1)
print()
