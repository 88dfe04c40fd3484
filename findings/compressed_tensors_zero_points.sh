#!/usr/bin/env bash
# compressed-tensors packs asymmetric 4-bit weights with their zero points packed as well, and writes such a checkpoint without a
# word. transformers, with the very same library, cannot open it: the empty model that receives the tensors has packed weights but
# unpacked zero points, so every zero point is of the wrong size. One would take a round trip of one library for granted, or
# think that the checkpoint is broken. With CompressedTensorsConfig(dequantize=True) the same file opens, and is right; symmetric
# weights open either way. Exits 0 while it is so, 1 when it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TQDM_DISABLE=1 HF_HUB_OFFLINE=1
python3 -m venv env
env/bin/pip install --quiet torch==2.13.0 transformers==5.24.0 compressed-tensors==0.20.1 numpy
cat > finding.py <<'PY'
import sys, warnings
import compressed_tensors, torch, transformers
from compressed_tensors.compressors import ModelCompressor
from compressed_tensors.quantization import QuantizationConfig, apply_quantization_config
from compressed_tensors.quantization.utils import calculate_qparams
from transformers import AutoModelForCausalLM, CompressedTensorsConfig, LlamaConfig, LlamaForCausalLM

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
print(f"compressed-tensors {compressed_tensors.__version__}, transformers {transformers.__version__}")


def saved(folder, symmetric):
    """A tiny Llama, rounded and packed by compressed-tensors; the logits that it has then."""
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=96, hidden_size=64, intermediate_size=128, num_hidden_layers=1,
                                         num_attention_heads=4, num_key_value_heads=4, tie_word_embeddings=False)).eval()
    weights = dict(num_bits=4, type="int", symmetric=symmetric, strategy="group", group_size=32)
    config = QuantizationConfig(config_groups={"group_0": {"targets": ["Linear"], "weights": weights}}, ignore=["lm_head"],
                                format="pack-quantized", quantization_status="compressed")
    apply_quantization_config(model, config)
    for module in model.modules():
        scheme = getattr(module, "quantization_scheme", None)
        if scheme is None:
            continue
        groups = module.weight.data.unflatten(-1, (-1, 32))
        scale, zero = calculate_qparams(groups.amin(-1), groups.amax(-1), scheme.weights)
        module.weight_scale.data.copy_(scale)
        if not symmetric:
            module.weight_zero_point.data.copy_(zero)
        codes = (groups / scale[..., None] + (0 if symmetric else zero[..., None])).round().clamp(-8, 7)
        module.weight.data.copy_(((codes - (0 if symmetric else zero[..., None])) * scale[..., None]).flatten(-2))
    ids = torch.arange(1, 17)[None]
    plain = LlamaForCausalLM(model.config).eval()
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if not k.split(".")[-1].startswith("weight_")})
    with torch.no_grad():
        logits = plain(ids).logits
    compressor = ModelCompressor.from_pretrained_model(model)
    compressor.compress_model(model)
    model.save_pretrained(folder)
    compressor.update_config(folder)
    return ids, logits


def opened(folder, ids, logits, **settings):
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **settings).eval()
        with torch.no_grad():
            return f"opens, logits differ by {(model(ids).logits - logits).abs().max():.0e}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"


found = {}
for symmetric in (True, False):
    folder = "symmetric" if symmetric else "asymmetric"
    ids, logits = saved(folder, symmetric)
    found[folder] = opened(folder, ids, logits)
    found[f"{folder}, dequantize=True"] = opened(folder, ids, logits, quantization_config=CompressedTensorsConfig(dequantize=True))
for what, seen in found.items():
    print(f"  {what}: {seen}")
right = [seen.startswith("opens") and float(seen.split()[-1]) < 1e-4 for seen in found.values()]
still = right == [True, True, False, True] and "mismatch" in found["asymmetric"]
print("as described" if still else "CHANGED")
sys.exit(0 if still else 1)
PY
env/bin/python finding.py
