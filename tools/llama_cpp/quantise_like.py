"""A model in the block types of another file, rounded by llama.cpp's own quantiser under an importance matrix.

    python quantise_like.py LIBGGML_BASE SOURCE.gguf LIKE.gguf IMATRIX.gguf OUT.gguf

SOURCE holds floats; LIKE says the type of each tensor; IMATRIX is read as llama-quantize reads it (sums over counts). Needs
gguf and numpy; libggml-base comes with npm's node-llama-cpp. ggml_quantize_chunk is what llama-quantize itself calls.
"""
import ctypes, sys

import gguf
import numpy as np
from gguf import GGUFReader, GGUFWriter

library, source, like, imatrix, out = sys.argv[1:6]
ggml = ctypes.CDLL(library)
ggml.ggml_quantize_chunk.restype = ctypes.c_size_t
ggml.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_int64] * 3 + [ctypes.c_void_p]

measured = {t.name: np.array(t.data, dtype=np.float32) for t in GGUFReader(imatrix).tensors}
weights = {n.removesuffix('.in_sum2'): (v / measured[n.replace('.in_sum2', '.counts')].reshape(-1, 1)).reshape(-1).astype(np.float32)
           for n, v in measured.items() if n.endswith('.in_sum2')}
reader = GGUFReader(source)
types = {t.name: t.tensor_type for t in GGUFReader(like).tensors}
writer = GGUFWriter(out, reader.fields['general.architecture'].contents())
for name, field in reader.fields.items():
    if name.startswith('GGUF.') or name == 'general.architecture':
        continue
    kind = field.types[0]
    writer.add_key_value(name, field.contents(), kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
for t in reader.tensors:
    kind = types[t.name]
    if kind in (gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.F16):
        writer.add_tensor(t.name, t.data, raw_dtype=t.tensor_type)
        continue
    x = np.ascontiguousarray(gguf.quants.dequantize(t.data, t.tensor_type).reshape(t.data.shape[0], -1), dtype=np.float32)
    rows, columns = x.shape
    block, size = gguf.GGML_QUANT_SIZES[kind]
    packed = np.zeros((rows, columns // block * size), dtype=np.uint8)
    w = weights.get(t.name)
    if w is not None:
        assert w.size == columns, t.name
    ggml.ggml_quantize_init(int(kind))
    ggml.ggml_quantize_chunk(int(kind), x.ctypes.data, packed.ctypes.data, 0, rows, columns, w.ctypes.data if w is not None else None)
    writer.add_tensor(t.name, packed, raw_dtype=kind)
writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()
