"""Writes test/fixtures/onnx_quantised: the model of test/fixtures/onnx/llama_torchscript.onnx as ONNX Runtime's quantisers and
other tools store it, with the logits that ONNX Runtime computes of each; where inputs are rounded too, of the float model with the
weights that the file stands for.

    pip install onnx onnx_ir onnxruntime numpy
    python tools/onnx_quantised.py
"""

import gzip
import json
import logging
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper, version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.matmul_bnb4_quantizer import MatMulBnb4Quantizer
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
from onnxruntime.transformers.float16 import convert_float_to_float16

FIXTURES = pathlib.Path(__file__).parent.parent / "test" / "fixtures"
OUT = FIXTURES / "onnx_quantised"
IDS = [[3, 17, 5, 9, 22, 1, 0, 11, 14]]


def source():
    model = onnx.load(FIXTURES / "onnx" / "llama_torchscript.onnx")
    model = version_converter.convert_version(model, 21)  # blocks and 4 bits of DequantizeLinear
    model.ir_version = 10
    return model


def nbits(bits, symmetric, quant_format=QuantFormat.QOperator, block=16):
    config = DefaultWeightOnlyQuantConfig(block_size=block, is_symmetric=symmetric, bits=bits, quant_format=quant_format)
    quantizer = MatMulNBitsQuantizer(source(), algo_config=config)
    quantizer.process()
    return quantizer.model.model


def bnb4(kind):
    quantizer = MatMulBnb4Quantizer(source(), kind, 16)
    quantizer.process()
    return quantizer.model.model


def halves():
    """By ONNX Runtime's own converter, which leaves the casts of inputs behind what reads them."""
    return convert_float_to_float16(nbits(4, True), keep_io_types=True)


def halves_in_floats():
    """The numbers of `halves`, computed with in floats."""
    model = nbits(4, True)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            w = numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(w, tensor.name))
    return model


def weights_of(graph):
    """Matrices (in, out) that a MatMul takes as they are."""
    initializers = {i.name: i for i in graph.initializer}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in initializers:
            yield node, initializers[node.input[1]]


def dequantized(graph, node, at, name, codes, type_, scale, zero, attributes):
    """Replaces the initialiser that `node` takes by a DequantizeLinear."""
    old = node.input[at]
    graph.initializer.extend([helper.make_tensor(name, type_, codes.shape, pack(codes, type_), raw=True),
                              numpy_helper.from_array(scale.astype(np.float32), name + "_scale")])
    inputs = [name, name + "_scale"]
    if zero is not None:
        graph.initializer.append(helper.make_tensor(name + "_zero_point", type_, zero.shape, pack(zero, type_), raw=True))
        inputs.append(name + "_zero_point")
    output = name + "_dequantized"
    graph.node.insert(0, helper.make_node("DequantizeLinear", inputs, [output], name=name + "_DequantizeLinear", **attributes))
    node.input[at] = output
    for initializer in [i for i in graph.initializer if i.name == old]:
        graph.initializer.remove(initializer)


def pack(codes, type_):
    flat = codes.reshape(-1)
    if type_ in (onnx.TensorProto.INT4, onnx.TensorProto.UINT4):
        low = flat.astype(np.int64) & 15
        low = np.append(low, np.zeros(len(low) % 2, np.int64)).reshape(-1, 2)
        return (low[:, 0] | low[:, 1] << 4).astype(np.uint8).tobytes()
    return flat.astype(np.int8 if type_ == onnx.TensorProto.INT8 else np.uint8).tobytes()


def per_channel():
    model = source()
    for node, tensor in list(weights_of(model.graph)):
        w = numpy_helper.to_array(tensor)
        scale = np.abs(w).max(0) / 127
        codes = np.rint(w / scale)
        dequantized(model.graph, node, 1, tensor.name + "_quantized", codes, onnx.TensorProto.INT8, scale, None, {"axis": 1})
    return model


def blocks_along_the_inputs():
    """uint4 in blocks of 4 along axis 0, with zero points."""
    model = source()
    for node, tensor in list(weights_of(model.graph)):
        w = numpy_helper.to_array(tensor)
        blocked = w.reshape(-1, 4, w.shape[1])
        low, high = np.minimum(blocked.min(1), 0), np.maximum(blocked.max(1), 0)
        scale = (high - low) / 15
        zero = np.clip(np.rint(-low / scale), 0, 15)
        codes = np.clip(np.rint(blocked / scale[:, None]) + zero[:, None], 0, 15).reshape(w.shape)
        dequantized(model.graph, node, 1, tensor.name + "_quantized", codes, onnx.TensorProto.UINT4, scale, zero,
                    {"axis": 0, "block_size": 4})
    return model


def table_of(graph):
    initializers = {i.name: i for i in graph.initializer}
    return next((node, initializers[node.input[0]]) for node in graph.node
                if node.op_type == "Gather" and node.input[0] in initializers and len(initializers[node.input[0]].dims) == 2)


def gathered_blocks():
    """The table for com.microsoft's GatherBlockQuantized, 4 bits of uint8 with zero points; linears for MatMulNBits."""
    model = nbits(4, False)
    graph = model.graph
    node, tensor = table_of(graph)
    w = np.pad(numpy_helper.to_array(tensor), ((0, 0), (0, 8)))[:, :16]
    # GatherBlockQuantized wants blocks of at least 16; the model has 8 columns, so the first eight are used.
    low, high = np.minimum(w.min(1), 0), np.maximum(w.max(1), 0)
    scale = ((high - low) / 15).reshape(-1, 1)
    zero = np.clip(np.rint(-low.reshape(-1, 1) / scale), 0, 15)
    codes = np.clip(np.rint(w / scale) + zero, 0, 15).astype(np.uint8)[:, :8]
    name = "model.embed_tokens.weight_Q4"
    graph.initializer.extend([numpy_helper.from_array((codes[:, ::2] | codes[:, 1::2] << 4).astype(np.uint8), name),
                              numpy_helper.from_array(scale.astype(np.float32), name + "_scales"),
                              numpy_helper.from_array(zero.astype(np.uint8), name + "_zero_points")])
    new = helper.make_node("GatherBlockQuantized", [name, node.input[1], name + "_scales", name + "_zero_points"],
                           list(node.output), name=node.name + "_Q4", domain="com.microsoft", bits=4, block_size=16,
                           gather_axis=0, quantize_axis=1)
    at = list(graph.node).index(node)
    graph.node.remove(node)
    graph.node.insert(at, new)
    graph.initializer.remove(tensor)
    return model


def gathered_then_dequantized():
    """Static quantisation's embedding: rows of uint8 codes are gathered, then dequantised with one scale."""
    model = per_channel()
    graph = model.graph
    node, tensor = table_of(graph)
    w = numpy_helper.to_array(tensor)
    scale = np.array((w.max() - w.min()) / 255)
    zero = np.rint(-w.min() / scale)
    codes = np.clip(np.rint(w / scale) + zero, 0, 255)
    output = node.output[0]
    before = {n.name for n in graph.node}
    dequantized(graph, node, 0, "model.embed_tokens.weight_quantized", codes, onnx.TensorProto.UINT8, scale, np.array(zero), {})
    made = next(n for n in graph.node if n.name not in before)
    at = list(graph.node).index(node)
    node.input[0] = made.input[0]
    node.output[0] = output + "_quantized"
    graph.node.remove(made)
    made.input[0], made.output[0] = node.output[0], output
    graph.node.insert(at, made)
    return model


class Ids(CalibrationDataReader):
    def __init__(self):
        self.left = [{"input_ids": np.array(IDS), "attention_mask": np.ones_like(IDS)}]

    def get_next(self):
        return self.left.pop() if self.left else None


def rounded(quantize, optimised=False):
    """Weights and inputs, by ONNX Runtime's own quantisers; as its optimiser saves it, operators are fused."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        onnx.save(source(), path / "source.onnx")
        quantize(path / "source.onnx", path / "quantised.onnx")
        if not optimised:
            return onnx.load(path / "quantised.onnx")
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(path / "optimised.onnx")
        ort.InferenceSession(path / "quantised.onnx", options, providers=["CPUExecutionProvider"])
        return onnx.load(path / "optimised.onnx")


def dynamic(optimised=False, **settings):
    return rounded(lambda a, b: quantize_dynamic(a, b, **settings), optimised)


def static(quant_format=QuantFormat.QDQ, **settings):
    return rounded(lambda a, b: quantize_static(a, b, Ids(), quant_format=quant_format, **settings))


def float_model(quantised):
    """The source with the numbers that the codes of `quantised` stand for."""
    found = {i.name: numpy_helper.to_array(i) for i in quantised.graph.initializer}
    model = source()
    pairs = {n.input[0]: n for n in quantised.graph.node if n.op_type == "QuantizeLinear" and n.input[0] in found}
    for tensor in model.graph.initializer:
        codes = found.get(tensor.name + "_quantized")
        if codes is None:
            if tensor.name in pairs:
                scale, zero = (found[name] for name in pairs[tensor.name].input[1:])
                range_ = np.iinfo(zero.dtype)
                codes = np.clip(np.rint(numpy_helper.to_array(tensor) / scale) + zero.astype(np.float32), range_.min, range_.max)
                w = (codes - zero.astype(np.float32)) * scale
                tensor.CopyFrom(numpy_helper.from_array(w.astype(np.float32), tensor.name))
            continue
        scale, zero = (found.get(f"{tensor.name}_quantized_{part}", found.get(f"{tensor.name}_{part}"))
                       for part in ("scale", "zero_point"))
        zero = np.zeros_like(scale, codes.dtype) if zero is None else zero
        w = (codes.astype(np.float32) - zero.astype(np.float32)) * scale
        tensor.CopyFrom(numpy_helper.from_array(w.astype(np.float32), tensor.name))
    return model


VARIANTS = {
    "nbits_4_asymmetric": lambda: nbits(4, False),
    "nbits_4_symmetric": lambda: nbits(4, True),
    "nbits_8": lambda: nbits(8, False),
    "qdq_4": lambda: nbits(4, False, QuantFormat.QDQ),
    "qdq_per_channel": per_channel,
    "qdq_blocks": blocks_along_the_inputs,
    "gather_block_quantized": gathered_blocks,
    "gather_then_dequantize": gathered_then_dequantized,
    "bnb4_nf4": lambda: bnb4(MatMulBnb4Quantizer.NF4),
    "bnb4_fp4": lambda: bnb4(MatMulBnb4Quantizer.FP4),
    "nbits_4_halves": halves,
}
# What rounds inputs too.
ROUNDED = {
    "dynamic_uint8": lambda: dynamic(weight_type=QuantType.QUInt8),
    "dynamic_int8_channels": lambda: dynamic(weight_type=QuantType.QInt8, per_channel=True, reduce_range=True),
    "dynamic_fused": lambda: dynamic(optimised=True, weight_type=QuantType.QInt8),
    "static_qdq": lambda: static(weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8),
    "static_qdq_channels": lambda: static(weight_type=QuantType.QInt8, activation_type=QuantType.QInt16, per_channel=True),
    "static_pairs": lambda: static(weight_type=QuantType.QInt8, extra_options={"AddQDQPairToWeight": True}),
    "static_operators": lambda: static(QuantFormat.QOperator, weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8),
    "static_operators_channels": lambda: static(QuantFormat.QOperator, weight_type=QuantType.QInt8,
                                                activation_type=QuantType.QUInt8, per_channel=True),
}


if __name__ == "__main__":
    logging.disable()
    OUT.mkdir(parents=True, exist_ok=True)
    logits = {}
    for name, make in (VARIANTS | ROUNDED).items():
        model = make()
        data = model.SerializeToString()
        floats = float_model(model) if name in ROUNDED else halves_in_floats() if name == "nbits_4_halves" else model
        computed = floats.SerializeToString()
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = ort.InferenceSession(computed, options, providers=["CPUExecutionProvider"])
        ids = np.array(IDS)
        found = session.run(["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
        logits[name] = [float(f"{value:.8g}") for value in found.reshape(-1)]
        (OUT / f"{name}.onnx.gz").write_bytes(gzip.compress(data, 9, mtime=0))
        counts = {}
        for node in model.graph.node:
            counts[node.op_type] = counts.get(node.op_type, 0) + 1
        print(name, len(data), {key: n for key, n in counts.items() if "uant" in key or "NBits" in key or "Integer" in key})
    facts = {"onnxruntime": ort.__version__, "input_ids": IDS[0], "rounded": list(ROUNDED), "logits": logits}
    (OUT / "logits.json.gz").write_bytes(gzip.compress(json.dumps(facts).encode(), 9, mtime=0))
