"""ONNX of a model as Optimum exports it, in the forms that ONNX Runtime's quantisers make of it, for Whittle to open.

    pip install optimum-onnx onnx onnxruntime onnx_ir torch
    python foreign_onnx.py MODEL TEXT SEQLEN WINDOWS OUT
    npx tsx tools/interop/perplexity.ts TEXT SEQLEN WINDOWS OUT/*

OUT/FORM/expected.json has the perplexity: of weights that are rounded, what ONNX Runtime computes of the file; where inputs are rounded too,
of the float graph with the numbers that the file's codes stand for. TEXT's first windows as the tokenizer of MODEL makes them.
"""
import json
import math
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.matmul_bnb4_quantizer import MatMulBnb4Quantizer
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, HQQWeightOnlyQuantConfig, MatMulNBitsQuantizer
from optimum.exporters.onnx import main_export
from tokenizers import Tokenizer

MODEL, TEXT, SEQLEN, WINDOWS, OUT = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5])
TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64}


def session(path):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feeds(model, ids):
    """With an empty cache."""
    given = {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64), "position_ids": np.arange(len(ids))[None]}

    def shape(dims):
        return [d if isinstance(d, int) else 0 if "past" in d else int(d.split("*")[-1]) if "*" in d else 1 for d in dims]

    return {i.name: given[i.name] if i.name in given else np.zeros(shape(i.shape), TYPES[i.type]) for i in model.get_inputs()}


def perplexity(path, windows):
    model, losses = session(path), []
    for ids in windows:
        logits = model.run(["logits"], feeds(model, ids))[0][0, :-1].astype(np.float64)
        logits -= logits.max(1, keepdims=True)
        losses.append(np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(len(ids) - 1), ids[1:]]))
    return math.exp(np.mean(losses))


def floats(source, quantised):
    """The source with the numbers that the codes of `quantised` stand for."""
    found = {i.name: numpy_helper.to_array(i) for i in quantised.graph.initializer}
    model = onnx.load(source)
    for tensor in model.graph.initializer:
        base = next((n for n in (tensor.name, tensor.name + "_Transposed") if n + "_quantized" in found), None)
        scale = base and next((found[n] for n in (f"{base}_quantized_scale", f"{base}_scale") if n in found), None)
        if scale is None:
            continue
        codes = found[base + "_quantized"].astype(np.float32)
        zero = next((found[n] for n in (f"{base}_quantized_zero_point", f"{base}_zero_point") if n in found), np.float32(0))
        w = ((codes - zero.astype(np.float32)) * scale).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(w.reshape(tensor.dims) if list(w.shape) == list(tensor.dims) else w.T.copy(), tensor.name))
    return model


def nbits(**settings):
    def make(source):
        quantizer = MatMulNBitsQuantizer(onnx.load(source), algo_config=DefaultWeightOnlyQuantConfig(**settings))
        quantizer.process()
        return quantizer.model.model
    return make


def hqq(source):
    quantizer = MatMulNBitsQuantizer(onnx.load(source), algo_config=HQQWeightOnlyQuantConfig(block_size=64, bits=4))
    quantizer.process()
    return quantizer.model.model


def bnb4(kind):
    def make(source):
        quantizer = MatMulBnb4Quantizer(onnx.load(source), kind, 64)
        quantizer.process()
        return quantizer.model.model
    return make


def saved(quantize):
    def make(source):
        with tempfile.TemporaryDirectory() as folder:
            quantize(source, f"{folder}/q.onnx")
            return onnx.load(f"{folder}/q.onnx")
    return make


def main():
    ids = Tokenizer.from_file(f"{MODEL}/tokenizer.json").encode(open(TEXT, encoding="utf-8", newline="").read()).ids
    windows = [ids[i * SEQLEN : (i + 1) * SEQLEN] for i in range(WINDOWS)]
    source = OUT / "float" / "model.onnx"
    main_export(MODEL, source.parent, task="text-generation-with-past", do_validation=False)

    class Ids(CalibrationDataReader):
        def __init__(self):
            model = session(source)
            self.left = [feeds(model, each) for each in windows[:2]]

        def get_next(self):
            return self.left.pop() if self.left else None

    both = ("MatMul", "Gather")
    weights = {
        "q4": nbits(block_size=32, is_symmetric=True), "q4_asymmetric": nbits(block_size=128, is_symmetric=False),
        "q4_gather": nbits(block_size=32, is_symmetric=False, op_types_to_quantize=both),
        "q4_qdq": nbits(block_size=32, is_symmetric=False, quant_format=QuantFormat.QDQ),
        "q8": nbits(block_size=32, is_symmetric=False, bits=8), "hqq": hqq,
        "bnb4": bnb4(MatMulBnb4Quantizer.NF4), "bnb4_fp4": bnb4(MatMulBnb4Quantizer.FP4),
    }
    inputs = {
        "dynamic_int8": saved(lambda a, b: quantize_dynamic(a, b, weight_type=QuantType.QInt8)),
        "dynamic_uint8_channels": saved(lambda a, b: quantize_dynamic(a, b, weight_type=QuantType.QUInt8, per_channel=True)),
    }
    for name, form, more in [("static_qdq", QuantFormat.QDQ, {}), ("static_qdq_int4", QuantFormat.QDQ, {"weight_type": QuantType.QInt4}),
                             ("static_operators", QuantFormat.QOperator, {})]:
        settings = {"weight_type": QuantType.QInt8, "per_channel": True, **more}
        inputs[name] = saved(lambda a, b, f=form, s=settings: quantize_static(a, b, Ids(), quant_format=f, **s))
    for name, make in {"float": onnx.load, **weights, **inputs}.items():
        folder = OUT / name
        folder.mkdir(parents=True, exist_ok=True)
        for file in source.parent.iterdir():
            if file.suffix in (".json", ".txt") and folder != source.parent:
                shutil.copy(file, folder)
        model = make(source)
        onnx.save(model, folder / "model.onnx")
        path = folder / "model.onnx"
        if name in inputs:
            path = OUT / "computed.onnx"
            onnx.save(floats(source, model), path)
        found = perplexity(path, windows)
        path.unlink() if name in inputs else None
        (folder / "expected.json").write_text(json.dumps({"perplexity": found}))
        print(name, found)


main()
