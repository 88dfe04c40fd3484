"""Structured pruning from the papers, on the tensors of the torch oracle that lies beside the checkout (core.py).

Scores: Wanda-sp and FLAP (arXiv 2312.11983), structured OBS (SlimGPT, arXiv 2412.18110; the group's cost is exact here);
least squares on what is kept (GRAIL, arXiv 2602.23795), its ridge towards the kept columns; ReplaceMe (arXiv 2505.02819).
Units: a key-value group with its query heads, and an MLP channel. What o and down read comes from everything that was
pruned before, the same half still whole.
"""
import torch
import torch.nn.functional as F

from core import gram

RIDGE = 0.01


def wanda(W, X): return (W.abs() * (X * X).sum(0).sqrt()).sum(0)


def flap(W, X, squared):
    s = X.var(0, unbiased=False) * (W * W).sum(0)
    return s ** 2 if squared else s


def damped_inverse(G):
    H = G.clone()
    d = H.diagonal()
    d[d == 0] = 1
    d += 0.01 * d.mean()
    return torch.linalg.inv(H)


def obs_costs(W, Hi, groups):
    return torch.stack([(W[:, S] @ torch.linalg.inv(Hi[S][:, S]) * W[:, S]).sum() for S in groups])


def obs_gone(W, G, groups, count):
    """Groups removed one after the other, each time the one whose removal costs least after all weights have moved."""
    W, Hi, alive, gone = W.clone(), damped_inverse(G), list(range(len(groups))), []
    for _ in range(count):
        g = alive[int(torch.argmin(obs_costs(W, Hi, [groups[a] for a in alive])))]
        S = groups[g]
        B = torch.linalg.inv(Hi[S][:, S]) @ Hi[S]
        W -= W[:, S] @ B
        Hi -= Hi[:, S] @ B
        alive.remove(g)
        gone.append(g)
    return gone


def unit_scores(score, W, X, groups, attention):
    """Of each unit, for units of one layer."""
    if score == 'obs': return obs_costs(W, damped_inverse(X.T @ X), groups)
    s = wanda(W, X) if score == 'wanda' else flap(W, X, attention)
    return torch.stack([s[S].sum() for S in groups])


def standard(score, W, X, groups, attention):
    """Comparable over layers: FLAP's standardisation, mean over the unit's columns."""
    if score == 'obs': s = obs_costs(W, damped_inverse(X.T @ X), groups)
    else: s = wanda(W, X) if score == 'wanda' else flap(W, X, attention)
    z = (s - s.mean()) / s.std() if len(s) > 1 and s.std() > 0 else torch.zeros_like(s)
    return z if score == 'obs' else torch.stack([z[S].mean() for S in groups])


def kept_units(score, W, X, groups, count, attention):
    if score == 'obs': gone = set(obs_gone(W, X.T @ X, groups, count))
    else: gone = set(torch.argsort(unit_scores(score, W, X, groups, attention), stable=True)[:count].tolist())
    return [g for g in range(len(groups)) if g not in gone]


def compensated(W, X, c, bias=False):
    """Weights on the kept inputs c, and what is added to the bias (with bias: everything about the means)."""
    mu = X.mean(0) if bias else torch.zeros(X.shape[1], dtype=X.dtype)
    Z = X - mu
    G = Z.T @ Z
    K = G[c][:, c].clone()
    K.diagonal().add_(RIDGE * K.diagonal().mean())
    Wc = W[:, c]
    R = W @ G[:, c] - Wc @ G[c][:, c]
    V = Wc + torch.linalg.solve(K, R.T).T
    return V, W @ mu - V @ mu[c]


def groups_of(m, l, half):
    if half == 'd': return [torch.tensor([c]) for c in range(l['W']['d'].shape[1])]
    w = m.hd * l['H'] // l['KV']
    return [torch.arange(g * w, (g + 1) * w) for g in range(l['KV'])]


def removed(keep, count): return min(count - 1, round((1 - keep) * count))


@torch.no_grad()
def halves(m, cal):
    """Yields (layer, 'o' or 'd', inputs of that linear); what the caller changes meanwhile is used to go on."""
    x = m.embed(cal)
    flat = lambda z: z.reshape(-1, z.shape[-1]).double()
    for l in m.L:
        yield l, 'o', flat(m.attn(l, m.norm(x, l['n1'])))
        y = m.res(l, x, 'Sa') + m.lin(l, 'o', m.attn(l, m.norm(x, l['n1'])))
        yield l, 'd', flat(m.act(l, m.norm(y, l['n2'])))
        x = m.res(l, y, 'Sm') + m.lin(l, 'd', m.act(l, m.norm(y, l['n2'])))


def take(m, l, half, kept, c):
    hd, rep = m.hd, l['H'] // l['KV']
    rows = lambda w: torch.cat([torch.arange(g * w, (g + 1) * w) for g in kept])
    parts = {'o': dict(q=rows(hd * rep), k=rows(hd), v=rows(hd)), 'd': {n: c for n in ('g', 'u') if n in l['W']}}[half]
    for n, r in parts.items():
        l['W'][n] = l['W'][n][r]
        if n in l['b']: l['b'][n] = l['b'][n][r]
    if half == 'o': l['KV'] = len(kept); l['H'] = len(kept) * rep


def budgets(m, cal, score, keep, halves_cut):
    """Units that go in each layer: the lowest of all layers together, one a layer staying at least."""
    out = {}
    found = {h: [] for h in halves_cut}
    for l, h, X in halves(m.copy(), cal):
        if h in found: found[h].append(standard(score, l['W'][h].double(), X, groups_of(m, l, h), h == 'o'))
    for h, rows in found.items():
        total = sum(removed(keep, len(r)) for r in rows)
        order = sorted((float(s), i, j) for i, r in enumerate(rows) for j, s in enumerate(r))
        gone = [0] * len(rows)
        for s, i, j in order:
            if total > 0 and gone[i] < len(rows[i]) - 1: gone[i] += 1; total -= 1
        out[h] = gone
    return out


def width(m, cal, keep=0.8, score='wanda', heads=True, compensate=True, budget='uniform', bias=False, choose=None):
    cut = ('o', 'd') if heads else ('d',)
    counts = budgets(m, cal, score, keep, cut) if budget == 'global' else None
    m = m.copy()
    at = {h: -1 for h in 'od'}
    m.log = []
    for l, h, X in halves(m, cal):
        at[h] += 1
        if h not in cut: continue
        groups, W = groups_of(m, l, h), l['W'][h].double()
        gone = counts[h][at[h]] if counts else removed(keep, len(groups))
        if gone == 0: continue
        kept = choose(at[h], h) if choose else kept_units(score, W, X, groups, gone, h == 'o')
        c = torch.cat([groups[g] for g in kept])
        V, b = compensated(W, X, c, bias) if compensate else (W[:, c], W @ X.mean(0) - W[:, c] @ X.mean(0)[c])
        l['W'][h] = V.float()
        if bias: l['b'][h] = (b + (l['b'][h].double() if h in l['b'] else 0)).float()
        take(m, l, h, kept, c)
        m.log.append(len(kept))
    return m


@torch.no_grad()
def replace(m, cal, drop=1):
    """ReplaceMe: the `drop` consecutive layers, not the first, that turn the stream least (cosine); a linear map of the MLP's
    output before them stands for them, by least squares with a ridge towards the identity, folded into that down projection."""
    m = m.copy()
    x = m.embed(cal)
    before, parts = [], []
    for l in m.L:
        before.append(x)
        y = m.res(l, x, 'Sa') + m.lin(l, 'o', m.attn(l, m.norm(x, l['n1'])))
        M = m.lin(l, 'd', m.act(l, m.norm(y, l['n2'])))
        parts.append((y, M))
        x = m.res(l, y, 'Sm') + M
    before.append(x)
    n = len(m.L)
    far = [float((1 - F.cosine_similarity(before[i].double(), before[i + drop].double(), dim=-1)).mean()) for i in range(1, n - drop + 1)]
    start = 1 + min(range(len(far)), key=lambda i: far[i])
    flat = lambda z: z.reshape(-1, z.shape[-1]).double()
    Y, M = (flat(z) for z in parts[start - 1])
    L = flat(before[start + drop])
    G = M.T @ M
    K = G.clone()
    K.diagonal().add_(RIDGE * G.diagonal().mean())
    T = torch.eye(len(G), dtype=torch.float64) + torch.linalg.solve(K, M.T @ (L - Y - M))
    l = m.L[start - 1]
    l['W']['d'] = (T.T @ l['W']['d'].double()).float()
    if 'd' in l['b']: l['b']['d'] = (T.T @ l['b']['d'].double()).float()
    m.L = m.L[:start] + m.L[start + drop:]
    m.log = (list(range(start, start + drop)), [round(f, 5) for f in far])
    return m
