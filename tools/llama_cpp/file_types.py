"""Which block type llama.cpp's own quantiser gives each matrix, by file type -> test/fixtures/quant/llama_cpp_file_types.json

    python file_types.py FOLDER_OF_LIBRARIES OUT.json

FOLDER_OF_LIBRARIES holds libllama and its ggml libraries, as npm's node-llama-cpp brings them (its `bins` folder); it must be
on LD_LIBRARY_PATH too. Needs numpy and gguf. Models are random Llamas of no use: types follow from shapes and names alone.
"""
import ctypes, glob, json, os, sys, tempfile
import numpy as np
from gguf import GGUFReader, GGUFWriter

folder, out_path = sys.argv[1:3]
FILE_TYPES = dict(q4_0=2, q4_1=3, q8_0=7, q5_0=8, q5_1=9, q2_k=10, q3_k_s=11, q3_k_m=12, q3_k_l=13, q4_k_s=14, q4_k_m=15,
                  q5_k_s=16, q5_k_m=17, q6_k=18, iq4_nl=25)
# layers, query heads, key heads, hidden, intermediate, tied
MODELS = [(4, 4, 4, 256, 512, True), (16, 4, 1, 256, 512, False), (32, 8, 2, 256, 768, True), (10, 3, 1, 192, 256, False)]


def library(name):
    return ctypes.CDLL(glob.glob(os.path.join(folder, name))[0], mode=ctypes.RTLD_GLOBAL)


class Params(ctypes.Structure):
    # Four enums, flags, pointers; larger than the real one, which is filled in by the library itself.
    _fields_ = [('nthread', ctypes.c_int32), ('ftype', ctypes.c_int32), ('rest', ctypes.c_uint8 * 256)]


for name in ('libggml-base.so', 'libggml.*so'):
    library(name)
llama = library('libllama.*so')
llama.llama_model_quantize_default_params.restype = Params
llama.llama_model_quantize.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(Params)]
LOG = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
quiet = LOG(lambda level, text, data: None)
llama.llama_log_set(quiet, None)


def write(path, layers, heads, kv, hidden, inter, tied):
    rng = np.random.default_rng(1)
    w = GGUFWriter(path, 'llama')
    w.add_block_count(layers), w.add_context_length(64), w.add_embedding_length(hidden), w.add_feed_forward_length(inter)
    w.add_head_count(heads), w.add_head_count_kv(kv), w.add_layer_norm_rms_eps(1e-5), w.add_rope_dimension_count(hidden // heads)
    w.add_vocab_size(64), w.add_tokenizer_model('no_vocab')
    half = lambda *shape: (rng.standard_normal(shape) * 0.05).astype(np.float16)
    one = lambda n: np.ones(n, np.float32)
    w.add_tensor('token_embd.weight', half(64, hidden))
    if not tied:
        w.add_tensor('output.weight', half(64, hidden))
    w.add_tensor('output_norm.weight', one(hidden))
    width = hidden // heads * kv
    for i in range(layers):
        shapes = dict(attn_q=(hidden, hidden), attn_k=(width, hidden), attn_v=(width, hidden), attn_output=(hidden, hidden),
                      ffn_gate=(inter, hidden), ffn_up=(inter, hidden), ffn_down=(hidden, inter))
        for name, shape in shapes.items():
            w.add_tensor(f'blk.{i}.{name}.weight', half(*shape))
        for name in ('attn_norm', 'ffn_norm'):
            w.add_tensor(f'blk.{i}.{name}.weight', one(hidden))
    w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()


LINEARS = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down']
cases = []
with tempfile.TemporaryDirectory() as work:
    for layers, heads, kv, hidden, inter, tied in MODELS:
        source, made = os.path.join(work, 'source.gguf'), os.path.join(work, 'made.gguf')
        write(source, layers, heads, kv, hidden, inter, tied)
        for name, number in FILE_TYPES.items():
            params = llama.llama_model_quantize_default_params()
            params.ftype, params.nthread = number, 1
            assert llama.llama_model_quantize(source.encode(), made.encode(), ctypes.byref(params)) == 0, name
            types = {t.name: t.tensor_type.name for t in GGUFReader(made).tensors}
            cases.append(dict(file_type=name, layers=layers, heads=heads, kv_heads=kv, hidden_size=hidden, intermediate_size=inter,
                              tied=tied, table=types['token_embd.weight'], head=types.get('output.weight'),
                              # One text a linear: the types of its layers, in order.
                              linears={n: ' '.join(types[f'blk.{i}.{n}.weight'] for i in range(layers)) for n in LINEARS}))
json.dump(cases, open(out_path, 'w'), indent=0)
