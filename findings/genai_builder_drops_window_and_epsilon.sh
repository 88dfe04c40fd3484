#!/usr/bin/env bash
# onnxruntime-genai's model builder takes two things of a config.json for granted that change every number, and says nothing:
# - a Mistral's sliding_window (its config has no layer_types): every GroupQueryAttention gets local_window_size -1, no window;
# - a LayerNorm model's layer_norm_eps (Phi: 1e-5): every norm gets 1e-6, the builder's default for configs without rms_norm_eps.
# One would take the graph that a vendor's exporter writes for the model in the config. Exits 0 while it is so, 1 when it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TQDM_DISABLE=1 HF_HUB_OFFLINE=1
python3 -m venv env
env/bin/pip install --quiet torch==2.13.0 transformers==5.24.0 onnx==1.23.2 onnx_ir==1.1.0 onnxruntime==1.32.0 onnxruntime-genai==0.18.0 numpy
cat > finding.py <<'PY'
import subprocess, sys, warnings
import numpy as np, onnx, onnxruntime, onnxruntime_genai, torch, transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import MistralConfig, MistralForCausalLM, PhiConfig, PhiForCausalLM, PreTrainedTokenizerFast

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
print(f"onnxruntime-genai {onnxruntime_genai.__version__}, onnxruntime {onnxruntime.__version__}, transformers {transformers.__version__}")

# No size is equal to another: the builder tells modules by their sizes.
SIZES = dict(vocab_size=100, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
             max_position_embeddings=128, bos_token_id=0, eos_token_id=1, pad_token_id=0)


def built(name, model):
    model.save_pretrained(name)
    vocab = {chr(33 + i): i for i in range(93)}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="!", eos_token='"').save_pretrained(name)
    command = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", name, "-o", f"{name}_onnx", "-p", "fp32", "-e", "cpu", "-c", "cache"]
    log = subprocess.run(command, check=True, capture_output=True, text=True)
    said = [line for line in (log.stdout + log.stderr).splitlines() if "window" in line.lower() or "eps" in line.lower()]
    return onnx.load(f"{name}_onnx/model.onnx"), said


def attributes(graph, pattern, name):
    return sorted({a.i or a.f for node in graph.node if pattern in node.op_type for a in node.attribute if a.name == name})


torch.manual_seed(0)
window = 16
mistral = MistralForCausalLM(MistralConfig(**SIZES, num_key_value_heads=2, sliding_window=window)).eval()
with torch.no_grad():
    for parameter in mistral.parameters():
        parameter.mul_(3)
model, said = built("mistral", mistral)
windows = attributes(model.graph, "GroupQueryAttention", "local_window_size")
ids = torch.randint(0, 93, (1, 24))
session = onnxruntime.InferenceSession("mistral_onnx/model.onnx", providers=["CPUExecutionProvider"])
feed = {"input_ids": ids.numpy(), "attention_mask": np.ones((1, 24), np.int64)}
feed |= {i.name: np.zeros((1, 2, 0, 16), np.float32) for i in session.get_inputs() if i.name.startswith("past")}
logits = session.run(["logits"], feed)[0][0]
with torch.no_grad():
    apart = np.abs(logits - mistral(ids).logits[0].numpy()).max(axis=-1)
print(f"Mistral: sliding_window {window} in config.json, local_window_size {windows} in the graph; words about it: {said}")
print(f"  largest difference of logits from transformers: {apart[:window].max():.1e} for tokens 1 to {window}, {apart[window:].max():.1e} after")

phi = PhiForCausalLM(PhiConfig(**SIZES, partial_rotary_factor=0.5))
model, said = built("phi", phi)
epsilons = attributes(model.graph, "LayerNormalization", "epsilon")
print(f"Phi: layer_norm_eps {phi.config.layer_norm_eps} in config.json, epsilon {[float(f'{e:.3g}') for e in epsilons]} in the graph; words about it: {said}")

still = windows == [-1] and apart[:window].max() < 1e-4 and apart[window:].max() > 1e-2 and all(abs(e - 1e-6) < 1e-9 for e in epsilons)
print("as described" if still else "CHANGED")
sys.exit(0 if still else 1)
PY
env/bin/python finding.py
