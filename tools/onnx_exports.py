"""Writes test/fixtures/onnx: random tiny models as torch.onnx exports them, with their weights as safetensors.

    pip install torch transformers onnx onnxscript safetensors
    python tools/onnx_exports.py

llama_torchscript is what Optimum writes (dynamo=False): linears transposed and renamed onnx::MatMul_N. gpt2_dynamo is the
newer exporter: val_N, modules in node metadata, Conv1D, one table for embedding and head under the head's name.
"""

import pathlib

import onnx
import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

OUT = pathlib.Path(__file__).parent.parent / "test" / "fixtures" / "onnx"
KEPT_METADATA = "pkg.torch.onnx.name_scopes"


def models():
    yield "llama_torchscript", False, LlamaForCausalLM(
        LlamaConfig(hidden_size=8, intermediate_size=12, num_attention_heads=2, num_key_value_heads=1,
                    num_hidden_layers=1, vocab_size=24, max_position_embeddings=32, bos_token_id=1, eos_token_id=2,
                    attention_bias=True, tie_word_embeddings=False, attn_implementation="eager"))
    yield "gpt2_dynamo", True, GPT2LMHeadModel(
        GPT2Config(n_embd=8, n_inner=12, n_layer=1, n_head=2, vocab_size=24, n_positions=32, bos_token_id=1,
                   eos_token_id=2, attn_implementation="eager"))


def export(name, dynamo, model):
    model.eval()
    with torch.no_grad():
        for parameter in model.parameters():  # initial ones are equal in places, and exporters store those once
            parameter.add_(0.05 * torch.randn_like(parameter))
    forward = model.forward
    model.forward = lambda input_ids, attention_mask: forward(
        input_ids=input_ids, attention_mask=attention_mask, use_cache=False, return_dict=True).logits
    ids = torch.randint(0, 24, (2, 9))
    path = OUT / f"{name}.onnx"
    names = {"input_names": ["input_ids", "attention_mask"], "output_names": ["logits"], "dynamo": dynamo}
    if dynamo:
        axes = {0: torch.export.Dim("batch", min=1, max=8), 1: torch.export.Dim("sequence", min=2, max=32)}
        torch.onnx.export(model, (), str(path), kwargs={"input_ids": ids, "attention_mask": torch.ones_like(ids)},
                          dynamic_shapes={"input_ids": axes, "attention_mask": axes}, external_data=False, **names)
    else:
        axes = {0: "batch", 1: "sequence"}
        torch.onnx.export(model, (ids, torch.ones_like(ids)), str(path), opset_version=17,
                          dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": axes}, **names)
    strip(path)
    # One table for both ends is one tensor in a checkpoint.
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        del state["lm_head.weight"]
    save_file(state, OUT / f"{name}.safetensors")


def strip(path):
    """Source lines and traces name files of the machine that exported, and are most of the bytes."""
    model = onnx.load(path)
    model.doc_string = ""
    del model.metadata_props[:]
    for group in (model.graph.node, model.graph.input, model.graph.output, model.graph.value_info):
        for item in group:
            item.doc_string = ""
            kept = [(p.key, p.value) for p in item.metadata_props if p.key == KEPT_METADATA]
            del item.metadata_props[:]
            for key, value in kept:
                item.metadata_props.add(key=key, value=value)
    del model.graph.value_info[:]
    onnx.save(model, path)


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(20)
    for arguments in models():
        export(*arguments)
