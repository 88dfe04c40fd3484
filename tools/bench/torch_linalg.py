"""Dense linear algebra of the bench in torch, f64 on the CPU: one round of each operation at one size.

    python tools/bench/torch_linalg.py SIZE THREADS REPEATS SITES

Prints one line of JSON: the least milliseconds of each operation; `sites` decomposes SITES matrices one after another, where that
is not 0. Needs torch and nothing else.
"""
import json
import sys
import time

import torch


def least(repeats, work):
    best = float('inf')
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        best = min(best, 1000 * (time.perf_counter() - begun))
    return best


@torch.inference_mode()
def main(n, threads, repeats, sites):
    torch.set_num_threads(threads)
    torch.manual_seed(1)

    def inputs():
        samples = torch.randn(2 * n, n, dtype=torch.float64)
        return samples, samples.T @ samples / (2 * n)

    samples, gram = inputs()
    square = samples[:n].contiguous()
    factor = torch.linalg.cholesky(gram, upper=True)
    identity = torch.eye(n, dtype=torch.float64)
    work = {
        'eigh': lambda: torch.linalg.eigh(gram),
        'eigenvalues': lambda: torch.linalg.eigvalsh(gram),
        'cholesky': lambda: torch.linalg.cholesky(gram),
        'solve': lambda: torch.cholesky_solve(square, torch.linalg.cholesky(gram)),
        'triangular_inverse': lambda: torch.linalg.solve_triangular(factor, identity, upper=True),
        # As GPTQ's code has it: invert, then factor the inverse.
        'inverse_factor': lambda: torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(gram)), upper=True),
        'low_rank': lambda: torch.linalg.svd(square, full_matrices=False),
    }
    if sites > 0:
        covariances = [inputs()[1] for _ in range(sites)]
        work['sites'] = lambda: [torch.linalg.eigh(covariance) for covariance in covariances]
    print(json.dumps({name: least(repeats, one) for name, one in work.items()}))


main(*map(int, sys.argv[1:5]))
