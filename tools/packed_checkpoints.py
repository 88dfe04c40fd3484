"""Writes test/fixtures/packed: one small random Llama, packed as other tools pack checkpoints, with the logits of the numbers that the
packing stands for.

    pip install torch transformers safetensors compressed-tensors
    python tools/packed_checkpoints.py

compressed-tensors packs and unpacks by its own package. GPTQ and AWQ are packed here code by code from their definition (AutoGPTQ's
qlinear_cuda, AutoAWQ's WQLinear_GEMM), and ModelOpt's NVFP4 from compressed-tensors' by the reciprocal of its global scale.
"""

import gzip
import json
import pathlib

import numpy as np
import torch
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.compressors.nvfp4.helpers import unpack_fp4_from_uint8
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from safetensors.torch import save
from transformers import LlamaConfig, LlamaForCausalLM

OUT = pathlib.Path(__file__).parent.parent / "test" / "fixtures" / "packed"
IDS = [3, 17, 5, 9, 22, 1, 0, 11, 30, 14]
CONFIG = dict(hidden_size=32, intermediate_size=64, num_attention_heads=1, num_key_value_heads=1, head_dim=32, num_hidden_layers=1,
              vocab_size=32, max_position_embeddings=32, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False)


def llama():
    torch.manual_seed(40)
    model = LlamaForCausalLM(LlamaConfig(**CONFIG, attn_implementation="eager")).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter)).copy_(parameter.half().float())
    return model


def linears(model):
    return {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}


# ---- codes


def grid(w, bits, group, symmetric, order):
    """Codes (out, in), scales and zeros (out, groups), and the group of each input."""
    out, columns = w.shape
    group = columns if group == -1 else group
    g_idx = np.empty(columns, np.int64)
    g_idx[order] = np.arange(columns) // group
    groups = columns // group
    scales, zeros = np.empty((out, groups), np.float16), np.empty((out, groups), np.int64)
    high = 2**bits - 1
    for g in range(groups):
        part = w[:, g_idx == g]
        low, top = np.minimum(part.min(1), 0), np.maximum(part.max(1), 0)
        if symmetric:
            top = np.maximum(top, -low)
            scales[:, g], zeros[:, g] = 2 * top / high, 2 ** (bits - 1)
        else:
            scales[:, g] = (top - low) / high
            # As packers of version 1 need it: they store zero - 1.
            zeros[:, g] = np.clip(np.rint(-low / scales[:, g].astype(np.float64)), 1, high)
    s, z = scales[:, g_idx].astype(np.float64), zeros[:, g_idx]
    codes = np.clip(np.rint(w / s) + z, 0, high).astype(np.int64)
    return codes, scales, zeros, g_idx, torch.tensor((codes - z) * s, dtype=torch.float32)


def pack_rows(codes, bits):
    """(n, m) -> (n·bits/32, m), as AutoGPTQ packs qweight: 3 bits by its rows of 10 and a half."""
    n, m = codes.shape
    packed = np.zeros((n * bits // 32, m), np.uint64)
    if bits != 3:
        each = 32 // bits
        for i in range(n):
            packed[i // each] |= codes[i].astype(np.uint64) << np.uint64(bits * (i % each))
    else:
        i = row = 0
        one = np.uint64
        c = codes.astype(np.uint64)
        while row < len(packed):
            for j in range(i, i + 10):
                packed[row] |= c[j] << one(3 * (j - i))
            i += 10
            packed[row] |= (c[i] & one(3)) << one(30)
            row += 1
            packed[row] |= (c[i] >> one(2)) & one(1)
            i += 1
            for j in range(i, i + 10):
                packed[row] |= c[j] << one(3 * (j - i) + 1)
            i += 10
            packed[row] |= (c[i] & one(1)) << one(31)
            row += 1
            packed[row] |= (c[i] >> one(1)) & one(3)
            i += 1
            for j in range(i, i + 10):
                packed[row] |= c[j] << one(3 * (j - i) + 2)
            i += 10
            row += 1
    return torch.from_numpy(packed.astype(np.uint32).view(np.int32).copy())


def gptq(w, bits=4, group=16, symmetric=False, version=1, act_order=False, keep_g_idx=True, uneven=False):
    columns = w.shape[1]
    order = np.random.default_rng(bits).permutation(columns) if act_order else np.arange(columns)
    codes, scales, zeros, g_idx, values = grid(w, bits, group, symmetric, order)
    if uneven:  # two inputs change their group
        g_idx[[0, 5]] = g_idx[[5, 0]]
        g_idx[3] = g_idx[-1]
        s, z = scales[:, g_idx].astype(np.float64), zeros[:, g_idx]
        codes = np.clip(np.rint(w / s) + z, 0, 2**bits - 1).astype(np.int64)
        values = torch.tensor((codes - z) * s, dtype=torch.float32)
    stored = zeros.T - (1 if version == 1 else 0)
    tensors = {"qweight": pack_rows(codes.T, bits), "qzeros": pack_rows(stored.T, bits).T.contiguous(),
               "scales": torch.from_numpy(scales.T.copy())}
    if keep_g_idx:
        tensors["g_idx"] = torch.from_numpy(g_idx.astype(np.int32))
    return tensors, values


def awq(w, group=16):
    codes, scales, zeros, _, values = grid(w, 4, group, False, np.arange(w.shape[1]))
    order = [0, 2, 4, 6, 1, 3, 5, 7]

    def pack(rows):
        packed = np.zeros((rows.shape[0], rows.shape[1] // 8), np.uint32)
        for column in range(packed.shape[1]):
            for i in range(8):
                packed[:, column] |= rows[:, 8 * column + order[i]].astype(np.uint32) << np.uint32(4 * i)
        return torch.from_numpy(packed.view(np.int32).copy())

    return {"qweight": pack(codes.T), "qzeros": pack(zeros.T), "scales": torch.from_numpy(scales.T.copy())}, values


# ---- compressed-tensors


def compressed(w, form, g_idx=None, **args):
    arguments = QuantizationArgs(**args)
    scheme = QuantizationScheme(targets=["Linear"], weights=arguments)
    state = {"weight": torch.tensor(w, dtype=torch.float32), **ct_scales(w, arguments)}
    if g_idx is not None:
        state["weight_g_idx"] = torch.tensor(g_idx, dtype=torch.int32)
    compressor = BaseCompressor.get_value_from_registry(form)
    stored = compressor.compress(dict(state), scheme)
    values = compressor.decompress(dict(stored), scheme)["weight"].float()
    if form.startswith("nvfp4"):  # decompress rounds its product to bfloat16
        m, n = stored["weight_packed"].shape
        codes = unpack_fp4_from_uint8(stored["weight_packed"], m, 2 * n, torch.float32)
        values = codes * (stored["weight_scale"].float() / stored["weight_global_scale"]).repeat_interleave(16, 1)
    return {key: value.contiguous() for key, value in stored.items()}, values


def ct_scales(w, args):
    out, columns = w.shape
    if args.block_structure:
        return block_scales(w, args)
    group = {"channel": columns, "tensor": columns}.get(str(getattr(args.strategy, "value", args.strategy)), args.group_size)
    parts = torch.tensor(w, dtype=torch.float32).reshape(out, columns // group, group)
    if getattr(args.type, "value", args.type) == "float":
        peak = parts.abs().amax(2)
        if args.group_size == 16:
            whole = 448 * 6 / peak.max()
            return {"weight_scale": (whole * peak / 6).to(torch.float8_e4m3fn).float(), "weight_global_scale": whole.reshape(1)}
        return {"weight_scale": torch.exp2(torch.floor(torch.log2(peak)) - 2)}
    low, high = -(2 ** (args.num_bits - 1)), 2 ** (args.num_bits - 1) - 1
    if args.symmetric:
        scale = parts.abs().amax(2) / (high + 0.5)
        if getattr(args.strategy, "value", args.strategy) == "tensor":
            scale = scale.max().reshape(1)
        return {"weight_scale": scale.half().float(), "weight_zero_point": torch.zeros_like(scale, dtype=torch.int8)}
    bottom, top = parts.amin(2).clamp(max=0), parts.amax(2).clamp(min=0)
    scale = ((top - bottom) / (high - low)).half().float()
    return {"weight_scale": scale, "weight_zero_point": (low - bottom / scale).round().clamp(low, high).to(torch.int8)}


def block_scales(w, args):
    """Integers whose blocks take several outputs, the last cut short."""
    (out, columns), (high, wide) = w.shape, args.block_structure
    rows, groups = -(-out // high), columns // wide
    parts = torch.nn.functional.pad(torch.tensor(w, dtype=torch.float32), (0, 0, 0, rows * high - out)).reshape(rows, high, groups, wide)
    low, top = -(2 ** (args.num_bits - 1)), 2 ** (args.num_bits - 1) - 1
    if args.symmetric:
        return {"weight_scale": (parts.abs().amax((1, 3)) / (top + 0.5)).half().float()}
    bottom, peak = parts.amin((1, 3)).clamp(max=0), parts.amax((1, 3)).clamp(min=0)
    scale = ((peak - bottom) / (top - low)).half().float()
    return {"weight_scale": scale, "weight_zero_point": (low - bottom / scale).round().clamp(low, top).to(torch.int8)}


def ct_config(form, **args):
    group = {"targets": ["Linear"], "weights": {"symmetric": True, **args}, "input_activations": None}
    return {"quant_method": "compressed-tensors", "format": form, "config_groups": {"group_0": group}, "ignore": ["lm_head"]}


def modelopt_nvfp4(w):
    stored, values = compressed(w, "nvfp4-pack-quantized", **NVFP4)
    return {"weight": stored["weight_packed"], "weight_scale": stored["weight_scale"],
            "weight_scale_2": (1 / stored["weight_global_scale"]).reshape(())}, values


NVFP4 = dict(num_bits=4, type="float", strategy="tensor_group", group_size=16, symmetric=True)
MXFP4 = dict(num_bits=4, type="float", strategy="group", group_size=32, symmetric=True, scale_dtype=torch.uint8)
BLOCKS = dict(num_bits=8, type="int", strategy="block", block_structure=[24, 16])
W4 = dict(num_bits=4, type="int", strategy="group", group_size=16)


def dynamic(name, w):
    if name.endswith("k_proj"):
        return None
    return gptq(w, bits=8, group=32) if name.endswith("down_proj") else gptq(w)


def gptq_config(bits=4, group_size=16, **more):
    return {"quant_method": "gptq", "bits": bits, "group_size": group_size, "desc_act": False, "sym": False, **more}


VARIANTS = {
    "gptq_1_act_order": (lambda n, w: gptq(w, act_order=True), gptq_config(desc_act=True)),
    "gptq_1_no_g_idx": (lambda n, w: gptq(w, keep_g_idx=False), gptq_config()),
    "gptq_1_uneven_groups": (lambda n, w: gptq(w, uneven=True), gptq_config()),
    "gptq_1_symmetric_3": (lambda n, w: gptq(w, bits=3, symmetric=True), gptq_config(3, sym=True)),
    "gptq_1_8_rows": (lambda n, w: gptq(w, bits=8, group=-1, symmetric=True), gptq_config(8, -1, sym=True)),
    "gptq_2_2": (lambda n, w: gptq(w, bits=2, version=2), gptq_config(2, checkpoint_format="gptq_v2", pack_dtype="int32")),
    "gptq_2_3_act_order": (lambda n, w: gptq(w, bits=3, version=2, act_order=True), gptq_config(3, checkpoint_format="gptq_v2")),
    "gptq_1_dynamic": (dynamic, gptq_config(lm_head=True, dynamic={"-:.*k_proj.*": {}, "+:.*down_proj": {"bits": 8, "group_size": 32}})),
    "awq_gemm": (lambda n, w: awq(w), {"quant_method": "awq", "bits": 4, "group_size": 16, "version": "gemm", "zero_point": True}),
    "ct_w4a16": (lambda n, w: compressed(w, "pack-quantized", **W4), ct_config("pack-quantized", **W4)),
    "ct_w4a16_asymmetric": (lambda n, w: compressed(w, "pack-quantized", **W4, symmetric=False),
                            ct_config("pack-quantized", **{**W4, "symmetric": False})),
    "ct_w3a16": (lambda n, w: compressed(w, "pack-quantized", **{**W4, "num_bits": 3}),
                 ct_config("pack-quantized", **{**W4, "num_bits": 3})),
    "ct_w6a16": (lambda n, w: compressed(w, "pack-quantized", **{**W4, "num_bits": 6}),
                 ct_config("pack-quantized", **{**W4, "num_bits": 6})),
    "ct_w8a16": (lambda n, w: compressed(w, "pack-quantized", num_bits=8, type="int", strategy="channel"),
                 ct_config("pack-quantized", num_bits=8, type="int", strategy="channel")),
    "ct_int8": (lambda n, w: compressed(w, "int-quantized", num_bits=8, type="int", strategy="channel", symmetric=False),
                ct_config("int-quantized", num_bits=8, type="int", strategy="channel", symmetric=False)),
    "ct_int8_tensor": (lambda n, w: compressed(w, "int-quantized", num_bits=8, type="int", strategy="tensor"),
                       ct_config("int-quantized", num_bits=8, type="int", strategy="tensor")),
    "ct_int8_blocks": (lambda n, w: compressed(w, "int-quantized", **BLOCKS), ct_config("int-quantized", **BLOCKS)),
    "ct_w4a16_blocks": (lambda n, w: compressed(w, "pack-quantized", **{**BLOCKS, "num_bits": 4}, symmetric=False),
                        ct_config("pack-quantized", **{**BLOCKS, "num_bits": 4, "symmetric": False})),
    "ct_nvfp4": (lambda n, w: compressed(w, "nvfp4-pack-quantized", **NVFP4),
                 ct_config("nvfp4-pack-quantized", **NVFP4)),
    "ct_mxfp4": (lambda n, w: compressed(w, "mxfp4-pack-quantized", **MXFP4),
                 ct_config("mxfp4-pack-quantized", **{**MXFP4, "scale_dtype": "torch.uint8"})),
    "modelopt_nvfp4": (lambda n, w: modelopt_nvfp4(w), {"quant_method": "modelopt", "quant_algo": "NVFP4"}),
}


def fixture(pack, quantized_head):
    model = llama()
    tensors = {}
    for name, module in linears(model).items():
        w = module.weight.detach().double().numpy()
        packed = None if name == "lm_head" and not quantized_head else pack(name, w)
        if packed is None:
            continue
        stored, values = packed
        module.weight.data = values
        tensors.update({f"{name}.{key}": value for key, value in stored.items()})
    for name, parameter in model.named_parameters():
        if not any(key.startswith(name.removesuffix("weight")) for key in tensors):
            tensors[name] = parameter.detach().half()
    with torch.no_grad():
        logits = model(torch.tensor([IDS])).logits.reshape(-1)
    return save(tensors, {"format": "pt"}), [float(f"{value:.8g}") for value in logits.tolist()]


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    facts = {"input_ids": IDS, "config": {**CONFIG, "architectures": ["LlamaForCausalLM"], "model_type": "llama", "rms_norm_eps": 1e-6}}
    facts["variants"] = {}
    for name, (pack, config) in VARIANTS.items():
        data, logits = fixture(pack, bool(config.get("lm_head")))
        (OUT / f"{name}.safetensors.gz").write_bytes(gzip.compress(data, 9, mtime=0))
        facts["variants"][name] = {"quantization_config": config, "logits": logits}
    (OUT / "variants.json.gz").write_bytes(gzip.compress(json.dumps(facts).encode(), 9, mtime=0))
