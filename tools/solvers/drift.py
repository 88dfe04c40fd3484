"""Right figures for what aims at the dense model's outputs though its inputs have drifted: GPTAQ and SAES-SVD.

    SHARED=../shared LAB_DATA=... python tools/solvers/drift.py > test/fixtures/drift.json

Written from the papers, on the oracle's models and judge: nothing here follows the TypeScript.

X are the inputs of the compressed model, Xd those of the dense one, both (tokens, n); D = (Xd - X)^T X.
GPTAQ (arXiv 2504.02692, eq. 11): after input q is rounded, the later inputs F take
    - (w_q - r_q) / [H_rest^-1]_qq [H_rest^-1]_q,F   +   a w_q D_q,F H_FF^-1          with rest = q and F, a = 0.25.
SAES-SVD (arXiv 2602.03051): the best V of a rank for |W (X + b (Xd - X)) - V X|, b = 0.3 for every linear:
    V = [W (G + b D) S^-T]_rank S^-1,  G = S S^T.
"""
import json, os, sys

import torch

sys.path.insert(0, os.path.join(os.environ.get('SHARED', '../shared'), 'torch'))
import core as K  # noqa: E402
import quant as Z  # noqa: E402

ALPHA, BETA = 0.25, 0.3


def cross(X, Y):
    total = 0
    for x, y in zip(X.reshape(-1, X.shape[-1]).split(4096), Y.reshape(-1, Y.shape[-1]).split(4096)):
        total = total + x.double().T @ y.double()
    return total


@torch.no_grad()
def drift(dense, calibration, change):
    """change(W, G, D) -> W', bytes, stored values; q, k, v -> o -> gate, up -> down, inputs from everything changed before."""
    m = dense.copy()
    x, y = m.embed(calibration), dense.embed(calibration)
    for l, d in zip(m.L, dense.L):
        for names, out, norm, make in ((['q', 'k', 'v'], 'o', 'n1', 'attn'), ([n for n in 'gu' if n in l['W']], 'd', 'n2', 'act')):
            X, Xd = m.norm(x, l[norm]), dense.norm(y, d[norm])
            D, G = cross(Xd - X, X), K.gram(X)
            for n in names:
                W, l['bytes'][n], l['nnz'][n] = change(l['W'][n].double(), G, D)
                l['W'][n] = W.float()
            X, Xd = getattr(m, make)(l, X), getattr(dense, make)(d, Xd)
            W, l['bytes'][out], l['nnz'][out] = change(l['W'][out].double(), K.gram(X), cross(Xd - X, X))
            l['W'][out] = W.float()
            x, y = x + m.lin(l, out, X), y + dense.lin(d, out, Xd)
    return m


def gptaq(bits, group):
    def change(W, G, D):
        W, n = W.clone(), W.shape[1]
        H = G + 0.01 * G.diagonal().mean() * torch.eye(n, dtype=torch.float64)
        Q = torch.empty_like(W)
        for q in range(n):
            if q % group == 0:
                scale, zero = Z.params(W[:, q:q + group], bits)
            Q[:, q] = Z.snap(W[:, q:q + 1], scale, zero, bits)[:, 0]
            if q + 1 == n:
                break
            rest = torch.linalg.inv(H[q:, q:])
            later = torch.linalg.inv(H[q + 1:, q + 1:])
            error = (W[:, q] - Q[:, q]) / rest[0, 0]
            W[:, q + 1:] += ALPHA * W[:, q:q + 1] * (D[q, q + 1:] @ later) - error[:, None] * rest[0, 1:]
        return Q, Z.rtn_bytes(W.shape, bits, group), W.numel()
    return change


def saes(keep):
    def change(W, G, D):
        o, i = W.shape
        r = int(keep * o * i / (o + i))
        G = G + 1e-6 * G.diagonal().mean() * torch.eye(i, dtype=torch.float64)
        S = torch.linalg.cholesky(G)
        T = torch.linalg.solve_triangular(S, (W @ (G + BETA * D)).T, upper=False).T
        U, d, V = torch.linalg.svd(T, full_matrices=False)
        return torch.linalg.solve_triangular(S, (U[:, :r] * d[:r]) @ V[:r], upper=False, left=False), 2 * r * (o + i), r * (o + i)
    return change


def main():
    out = {}
    for name in ('stories260k', 'opt-tiny'):
        dense = K.load(name)
        calibration, evaluation = K.windows(name, 16, 16)
        judge = K.Judge(dense, evaluation)
        rows = {'svd:keep=0.8,delta=true,beta=0.3': saes(0.8), 'gptq:bits=4,group=32,delta=true': gptaq(4, 32)}
        if name == 'stories260k':
            rows['gptq:bits=3,group=32,delta=true'] = gptaq(3, 32)
        for recipe, change in rows.items():
            m = drift(dense, calibration, change)
            size = m.size()
            out.setdefault(name, {})[recipe] = dict(judge(m), bytes=size['bytes'], params=size['params'])
            print(name, recipe, out[name][recipe], file=sys.stderr, flush=True)
    json.dump(out, sys.stdout, indent=1)
    print()


torch.set_num_threads(1)
main()
