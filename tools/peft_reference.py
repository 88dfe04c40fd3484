"""LoRA adapters by PEFT on two tiny models, and what transformers computes with each merged (float64).

Writes test/fixtures/peft/MODEL/ (config.json, model.safetensors; random numbers, seeded), an adapter in each folder
beside it, and reference.json: for every adapter the logits after the last of 16 tokens. `--check MODEL FOLDER` loads an
adapter that Whittle wrote with PeftModel.from_pretrained and prints the same logits.

    pip install peft==0.21.2   # beside torch and transformers
    python tools/peft_reference.py
"""
import json
import shutil
import sys
from copy import deepcopy
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig

HERE = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "peft"
IDS = torch.tensor([[(7 * i + 3) % 256 for i in range(16)]])
KEPT = 32

BASES = {
    "llama": LlamaConfig(vocab_size=264, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
                         max_position_embeddings=64, tie_word_embeddings=False, bos_token_id=0, eos_token_id=0),
    "gpt2": GPT2Config(vocab_size=264, n_embd=16, n_layer=2, n_head=2, n_positions=64, bos_token_id=0, eos_token_id=0),
}
ADAPTERS = {
    "llama": {
        "plain": dict(r=4, lora_alpha=10, target_modules=["q_proj", "v_proj", "down_proj"]),
        "rslora": dict(r=4, lora_alpha=6, use_rslora=True, target_modules="all-linear"),
        "patterns": dict(r=2, lora_alpha=4, target_modules=["q_proj", "k_proj", "up_proj"],
                         rank_pattern={"k_proj": 3, r"layers\.1\.mlp\.up_proj": 5}, alpha_pattern={r".*\.1\..*q_proj": 9, "up_proj": 1}),
        "embedding": dict(r=2, lora_alpha=3, target_modules=["embed_tokens", "o_proj", "lm_head"]),
        "saved": dict(r=2, lora_alpha=3, target_modules=["gate_proj"], modules_to_save=["lm_head"]),
    },
    "gpt2": {
        "plain": dict(r=3, lora_alpha=8, target_modules=["c_attn", "c_fc", "c_proj"]),
        "biases": dict(r=2, lora_alpha=8, bias="lora_only", target_modules=["c_attn"]),
        # One end of a tied model alone.
        "saved_table": dict(r=2, lora_alpha=4, target_modules=["c_attn"], modules_to_save=["wte"]),
        "table": dict(r=2, lora_alpha=4, target_modules=["c_attn", "wte"]),
        "head": dict(r=2, lora_alpha=4, target_modules=["c_attn", "lm_head"]),
    },
}
# merge_and_unload adds these factors to the one matrix that both ends are: what is run and reloaded is the right figure.
MERGED_OTHERWISE = [("gpt2", "table"), ("gpt2", "head")]
REFUSED = {"dora": dict(r=2, lora_alpha=2, use_dora=True, target_modules=["q_proj"])}


def base(name):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(deepcopy(BASES[name]))  # merging writes into the config
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, 0.3)
            p.copy_(p.half().float())
    return model


def logits(model):
    with torch.no_grad():
        return model.eval().double()(IDS).logits[0, -1, :KEPT].tolist()


def randomise(model):
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.requires_grad:
                p.normal_(0, 0.2)


def main():
    figures = {}
    for name in BASES:
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        base(name).half().save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        figures[name] = {"base": logits(base(name))}
        for index, (adapter, options) in enumerate([*ADAPTERS[name].items(), *(REFUSED.items() if name == "llama" else [])]):
            torch.manual_seed(10 + index)
            model = get_peft_model(base(name), LoraConfig(task_type="CAUSAL_LM", **options))
            randomise(model)
            where = HERE / f"{name}-{adapter}"
            shutil.rmtree(where, ignore_errors=True)
            model.save_pretrained(where)
            (where / "README.md").unlink(missing_ok=True)
            with torch.no_grad():
                apart = logits(model)
                merged = logits(model.merge_and_unload())
            figures[name][adapter] = apart if (name, adapter) in MERGED_OTHERWISE else merged
            differ = max(abs(a - b) for a, b in zip(apart, merged)) > 1e-6
            if differ != ((name, adapter) in MERGED_OTHERWISE):
                raise SystemExit(f"{name} {adapter}: merged and unmerged {'differ' if differ else 'are alike'}")
    (HERE / "reference.json").write_text(json.dumps({"ids": IDS[0].tolist(), "logits": figures}) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"]:
        model = PeftModel.from_pretrained(base(sys.argv[2]), sys.argv[3])
        print(json.dumps(logits(model)))
    else:
        main()
