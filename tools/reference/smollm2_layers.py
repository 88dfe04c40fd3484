"""The oracle's own run on SmolLM2, layer by layer, for a comparison that no later layer can blur: what each matrix was made from and became.

    SHARED=../shared LAB_DATA=... python tools/reference/smollm2_layers.py RECIPE FOLDER [LAYERS]

Writes row.json and, of each layer, N.TAP.gram (f64, whole; TAP q, o, g or d, the first that reads it), N.TAP.mean (f64, mean |x|) and
N.NAME.values (f32, as the forward pass uses them; NAME q k v o g u d). 41 MB a layer.
"""
import json, os, sys

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.environ.get('SHARED', '../shared'), 'torch'))
import core as K  # noqa: E402
import quant as Z  # noqa: E402



def each(solve):
    return lambda names, Ws, X, G: [solve(W, G) for W in Ws]


def awq(names, Ws, X, G):
    """SmolLM2 has fewer rows of v than o has inputs: no place for a scale."""
    return [Z.rtn(Ws[0], 4, 32)] if names == ['o'] else Z.awq(Ws, X, G, 4, 32)[0]


SOLVERS = {
    'gptq:bits=4,group=32,grid=integer': each(lambda W, G: Z.gptq(W, G, 4, 32)),
    'gptq:bits=3,group=32,grid=integer': each(lambda W, G: Z.gptq(W, G, 3, 32)),
    'sparsegpt:sparsity=0.5': each(lambda W, G: Z.sparsegpt(W, G, 0.5)),
    'awq:bits=4,group=32,clip=false,grid=integer': awq,
}

if __name__ == '__main__':
    recipe, folder = sys.argv[1:3]
    solve = SOLVERS[recipe]
    m = K.load('smollm2').copy()
    m.L = m.L[: int(sys.argv[3]) if len(sys.argv) > 3 else None]
    calibration, _ = K.windows('smollm2', 8, 8)
    os.makedirs(folder, exist_ok=True)

    def change(i, layer, names, X):
        G = K.gram(X)
        G.numpy().tofile(f'{folder}/{i}.{names[0]}.gram')
        X.reshape(-1, X.shape[-1]).double().abs().mean(0).numpy().tofile(f'{folder}/{i}.{names[0]}.mean')
        for n, Q in zip(names, solve(names, [layer['W'][n] for n in names], X, G)):
            layer['W'][n] = Q.float()
            np.ascontiguousarray(layer['W'][n].numpy()).tofile(f'{folder}/{i}.{n}.values')

    K.sequential(m, calibration, change)
    json.dump(dict(recipe=recipe, layers=len(m.L), torch=torch.__version__), open(f'{folder}/row.json', 'w'))
