"""Right values for src/compress/solvers on fixed matrices: from the torch oracle that lies beside the checkout.

    SHARED=../shared python tools/solvers/make_fixtures.py > test/fixtures/solvers.json

Matrices come from a linear congruential generator that the TypeScript test repeats, so that only results are stored.
"""
import json, os, sys

import torch

sys.path.insert(0, os.path.join(os.environ.get('SHARED', '../shared'), 'torch'))
import quant as Z  # noqa: E402

M64 = (1 << 32) - 1


def numbers(seed, count):
    state, out = seed, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) & M64
        out.append(state / 2**32 - 0.5)
    return torch.tensor(out, dtype=torch.float64)


def case(seed, rows, columns, tokens):
    W = numbers(seed, rows * columns).reshape(rows, columns)
    X = numbers(seed + 1, tokens * columns).reshape(tokens, columns)
    # Inputs of different size that have something in common, and one that is never used.
    X = X * (0.2 + torch.arange(columns, dtype=torch.float64) % 7) + 0.5 * X[:, :1]
    X[:, columns // 2] = 0
    return W, X, X.T @ X


def listed(t): return [[round(float(x), 12) for x in row] for row in t]


def main():
    W, X, G = case(7, 6, 40, 90)
    out = {'rtn': {}, 'gptq': {}, 'sparsegpt': {}, 'masks': {}, 'awq': {}}
    for bits in (2, 3, 4, 8):
        for group in (16, 32, 0):
            out['rtn'][f'{bits},{group}'] = listed(Z.rtn(W, bits, group))
    Z.GRID = 'min'
    out['rtn']['minimum'] = listed(Z.rtn(W, 4, 16))
    out['gptq']['minimum'] = listed(Z.gptq(W, G, 4, 16))
    Z.GRID = 'zero'
    for name, options in {
        'natural': {}, 'static': dict(order=True, static=True), 'dynamic': dict(order=True), 'lazy': dict(lazy=True),
        'row': dict(g=0), 'three': dict(bits=3), 'two': dict(bits=2),
    }.items():
        settings = dict(bits=4, g=16) | options
        out['gptq'][name] = listed(Z.gptq(W, G, settings.pop('bits'), settings.pop('g'), **settings))
    # Beyond one block of 128 columns.
    W2, X2, G2 = case(11, 3, 150, 260)
    out['gptq']['long'] = listed(Z.gptq(W2, G2, 4, 32))
    out['gptq']['long lazy'] = listed(Z.gptq(W2, G2, 4, 32, lazy=True))
    out['sparsegpt']['half'] = listed(Z.sparsegpt(W, G))
    out['sparsegpt']['2:4'] = listed(Z.sparsegpt(W, G, nm=(2, 4)))
    out['sparsegpt']['long'] = listed(Z.sparsegpt(W2, G2))
    norms = G.diagonal().sqrt()
    out['masks']['magnitude'] = listed(Z.drop_lowest(W, W.abs(), 0.5, whole=True))
    out['masks']['wanda'] = listed(Z.drop_lowest(W, W.abs() * norms, 0.5))
    out['masks']['4:8'] = listed(Z.drop_lowest(W, W.abs() * norms, nm=(4, 8)))
    P = Z.drop_lowest(W, W.abs() * norms, 0.5)
    out['masks']['refit'] = listed(Z.refit_mask(W, P, G))
    Q, ratio = Z.awq([W[:4], W[4:]], X, G, 4, 16)
    out['awq']['scale'] = {'ratio': ratio, 'values': listed(torch.cat(Q))}
    Q, ratio = Z.awq([W], X, G, 3, 16, clip=True)
    out['awq']['clip'] = {'ratio': ratio, 'values': listed(Q[0])}
    # Here two weights beyond a clipped range would get another code than the range's edge.
    W3, X3, G3 = case(251, 48, 64, 150)
    out['awq']['clip edge'] = listed(Z.clip_rtn(W3, G3, 4, 32))
    # OWQ's order and kept columns.
    k = 3
    sens = G.diagonal() * ((W - Z.rtn(W, 3, 16)) ** 2).sum(0)
    top = torch.argsort(sens, descending=True, stable=True)[:k]
    keep = torch.ones(40, dtype=torch.bool)
    keep[top] = False
    Q = Z.gptq(W, G, 3, 16, torch.cat([keep.nonzero()[:, 0], top]), tail=k)
    Q[:, top] = Z.f16(Q[:, top])
    out['owq'] = {'kept': top.tolist(), 'values': listed(Q)}
    # Ridge: a target that is not what W gives.
    Y = X @ numbers(5, 240).reshape(6, 40).T
    lam = 0.3
    H = G + lam * torch.diag(G.diagonal()) + 1e-6 * G.diagonal().mean() * torch.eye(40, dtype=torch.float64)
    out['ridge'] = listed(W + torch.linalg.solve(H, X.T @ Y - G @ W.T).T)
    out['low_rank'] = {}
    for name, T in {'wide': W, 'tall': W2[:, :2]}.items():
        U, d, V = torch.linalg.svd(T, full_matrices=False)
        r = 2 if name == 'wide' else 1
        out['low_rank'][name] = listed((U[:, :r] * d[:r]) @ V[:r])
    for name, (T, K) in {'whitened wide': (W, G), 'whitened tall': (W[:, :4], G[:4, :4])}.items():
        K = K.clone()
        K.diagonal().add_(1e-6 * K.diagonal().mean())
        S = torch.linalg.cholesky(K)
        U, d, V = torch.linalg.svd(T @ S, full_matrices=False)
        B = torch.linalg.solve_triangular(S, V[:2], upper=False, left=False)
        out['low_rank'][name] = listed((U[:, :2] * d[:2]) @ B)
    json.dump(out, sys.stdout, separators=(',', ':'))


main()
