#!/usr/bin/env bash
# Which keys of config.json change a model in transformers 5.24 cannot be told from the config classes:
# - `is_causal: false` in a Llama's config.json, a key that LlamaConfig does not have, lets every token see those that follow;
# - `layer_types` in a Mistral's config.json, which MistralConfig does not have, makes AutoModel load another class (Ministral);
# - `attn_logit_softcapping`, which Gemma3TextConfig has and documents, changes nothing;
# - Falcon with `alibi` gives other logits by attn_implementation: "eager" adds the bias twice, "sdpa" once.
# Exits 0 while it is so, 1 when it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TQDM_DISABLE=1 HF_HUB_OFFLINE=1
python3 -m venv env
env/bin/pip install --quiet torch==2.13.0 transformers==5.24.0 numpy
cat > finding.py <<'PY'
import json, sys, torch, transformers
from transformers import AutoModelForCausalLM, FalconConfig, Gemma3TextConfig, LlamaConfig, MistralConfig

transformers.logging.set_verbosity_error()
print(f"transformers {transformers.__version__}, torch {torch.__version__}")
SIZES = dict(vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64,
             bos_token_id=0, eos_token_id=1, pad_token_id=2)
MLP = dict(intermediate_size=48, num_key_value_heads=2)
IDS = torch.arange(3, 23)[None]


def logits(folder, attention="eager", **keys):
    """Of the folder with these keys in config.json; the class's name too."""
    path = f"{folder}/config.json"
    with open(path) as file:
        before = file.read()
    with open(path, "w") as file:
        json.dump({**json.loads(before), **keys}, file)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation=attention)
    with open(path, "w") as file:
        file.write(before)
    with torch.no_grad():
        return model(IDS).logits, type(model).__name__


def saved(name, config):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(10)
    model.save_pretrained(name)
    return name


def difference(a, b):
    return (a[0] - b[0]).abs().max().item()


llama = saved("llama", LlamaConfig(**SIZES, **MLP))
causal = difference(logits(llama), logits(llama, is_causal=False))
print(f"Llama, is_causal: false: logits differ by {causal:.3g}; LlamaConfig has the key: {'is_causal' in LlamaConfig().to_dict()}")

mistral = saved("mistral", MistralConfig(**SIZES, **MLP, head_dim=8, sliding_window=5))
listed = logits(mistral, layer_types=["sliding_attention", "full_attention"])
layers = difference(logits(mistral), listed)
print(f"Mistral, layer_types: loaded as {listed[1]}, logits differ by {layers:.3g}")

gemma = saved("gemma", Gemma3TextConfig(**SIZES, **MLP, head_dim=8, query_pre_attn_scalar=8))
cap = difference(logits(gemma), logits(gemma, attn_logit_softcapping=0.5))
print(f"Gemma 3, attn_logit_softcapping: 0.5: logits differ by {cap:.3g}")

falcon = saved("falcon", FalconConfig(**SIZES, alibi=True))
twice = difference(logits(falcon), logits(falcon, "sdpa"))
print(f"Falcon with alibi, eager against sdpa: logits differ by {twice:.3g}")

as_seen = causal > 1e-3 and layers > 1e-3 and listed[1] == "MinistralForCausalLM" and cap == 0 and twice > 1e-3
sys.exit(0 if as_seen else 1)
PY
env/bin/python finding.py
