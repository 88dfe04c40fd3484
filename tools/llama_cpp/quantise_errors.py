"""Rounding errors of llama.cpp's own quantiser, for src/tensor/quant/encode/encode.test.ts.

    npm install node-llama-cpp@3.22.1   (in a folder of its own; brings libggml-base)
    python tools/llama_cpp/quantise_errors.py PATH/TO/libggml-base.so > test/fixtures/quant/llama_cpp_errors.json

Values come from generators that the test repeats: a linear congruential one, made Gaussian by sums of twelve. `error` is
sum(w (x - y)^2) / sum(w x^2) of llama.cpp's blocks, decoded by the gguf package, with its importance matrix w and without;
`even` that of Gaussian values without large ones, inputs weighed 1 to 7; `rounded` that of values which lie on grids of 4 bits (a scale and a minimum for each 32), with w.
"""
import ctypes, json, sys

import gguf
import numpy as np

TYPES = dict(Q4_0=2, Q4_1=3, Q5_0=6, Q5_1=7, Q8_0=8, Q2_K=10, Q3_K=11, Q4_K=12, Q5_K=13, Q6_K=14, IQ4_NL=20, MXFP4=39)
ROWS, COLUMNS = 16, 512
M32 = (1 << 32) - 1


def uniform(seed, count):
    state, out = seed, np.empty(count)
    for i in range(count):
        state = (state * 1664525 + 1013904223) & M32
        out[i] = state / 2**32
    return out


def half(value):
    return np.float16(value).astype(np.float64)


def rounded():
    values, grids = uniform(3, 32 * COLUMNS).reshape(-1, 32), uniform(4, 2 * COLUMNS).reshape(-1, 2)
    run = np.arange(len(values))
    d = half(0.002 + 0.01 * grids[:, 0])[:, None]
    lowest = half(-d[:, 0] * (4 + 9 * grids[:, 1]))[:, None]
    return half(lowest + d * np.floor((16 - run % 3)[:, None] * values)).astype(np.float32).reshape(-1, COLUMNS)


def main():
    lib = ctypes.CDLL(sys.argv[1])
    lib.ggml_quantize_chunk.restype = ctypes.c_size_t
    lib.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    x = (uniform(1, 12 * ROWS * COLUMNS).reshape(-1, 12).sum(1) - 6).astype(np.float32)
    even, ramp = x.reshape(ROWS, COLUMNS).copy(), (1 + np.arange(COLUMNS) % 7).astype(np.float32)
    # Rows of different size, and a few large values, as weights have.
    x = x.reshape(ROWS, COLUMNS) * (0.01 + 0.002 * np.arange(ROWS, dtype=np.float32))[:, None]
    x[:, ::97] *= 4
    x = np.ascontiguousarray(x, dtype=np.float32)
    w = (uniform(2, COLUMNS) ** 4 * 10 + 0.01).astype(np.float32)
    grid = np.ascontiguousarray(rounded())
    out = {}
    for name, kind in TYPES.items():
        lib.ggml_quantize_init(kind)
        found = {}
        for key, values, weights in (('weighted', x, w), ('plain', x, None), ('even', even, ramp), ('rounded', grid, w)):
            elements, bytes_of = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(kind)]
            size, rows = COLUMNS // elements * bytes_of, len(values)
            packed = np.zeros(rows * size, dtype=np.uint8)
            pointer = weights.ctypes.data if weights is not None else None
            lib.ggml_quantize_chunk(kind, values.ctypes.data, packed.ctypes.data, 0, rows, COLUMNS, pointer)
            y = gguf.quants.dequantize(packed.reshape(rows, size), gguf.GGMLQuantizationType(kind)).astype(np.float64)
            u = np.ones(COLUMNS) if weights is None else weights.astype(np.float64)
            found[key] = float((u * (values - y) ** 2).sum() / (u * values.astype(np.float64) ** 2).sum())
        out[name] = found
    json.dump(out, sys.stdout, indent=1)


main()
