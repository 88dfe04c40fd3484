"""config.json of a tiny model of every family, in the spelling that most checkpoints have (transformers 4 unless marked).

Sizes are odd where the family allows it, every switch that changes the mathematics is on in at least one of them, and no
number is its family's default, so that a field that is not read shows.
"""

LLAMA = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 24,
    "intermediate_size": 37,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 264,
    "max_position_embeddings": 64,
    "hidden_act": "silu",
    "rms_norm_eps": 2e-3,
    "rope_theta": 5000.0,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": None,
}


def like_llama(model_type, architecture, **changes):
    config = {**LLAMA, "model_type": model_type, "architectures": [architecture], **changes}
    return {key: value for key, value in config.items() if value != "absent"}


GEMMA = {
    "head_dim": 8,
    "hidden_activation": "gelu_pytorch_tanh",
    "hidden_act": "gelu_pytorch_tanh",
    "tie_word_embeddings": True,
}

NEOX = {
    "model_type": "gpt_neox",
    "architectures": ["GPTNeoXForCausalLM"],
    "hidden_size": 24,
    "intermediate_size": 37,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "vocab_size": 264,
    "max_position_embeddings": 64,
    "hidden_act": "gelu",
    "layer_norm_eps": 2e-3,
    "rotary_pct": 0.5,
    "rotary_emb_base": 5000,
    "use_parallel_residual": True,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "eos_token_id": 0,
}

STABLELM = {
    "model_type": "stablelm",
    "architectures": ["StableLmForCausalLM"],
    "hidden_size": 32,
    "intermediate_size": 37,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 264,
    "max_position_embeddings": 64,
    "hidden_act": "silu",
    "layer_norm_eps": 2e-3,
    "partial_rotary_factor": 0.5,
    "rope_theta": 5000,
    "use_qkv_bias": True,
    "use_parallel_residual": False,
    "qk_layernorm": False,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "eos_token_id": 0,
}

GPT2 = {
    "model_type": "gpt2",
    "architectures": ["GPT2LMHeadModel"],
    "n_embd": 24,
    "n_layer": 2,
    "n_head": 3,
    "n_inner": 37,
    "n_positions": 40,
    "n_ctx": 40,
    "vocab_size": 264,
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 2e-3,
    "bos_token_id": 0,
    "eos_token_id": 0,
}

FALCON = {
    "model_type": "falcon",
    "architectures": ["FalconForCausalLM"],
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "vocab_size": 264,
    "layer_norm_epsilon": 2e-3,
    "alibi": False,
    "bias": False,
    "multi_query": True,
    "new_decoder_architecture": False,
    "parallel_attn": True,
    "max_position_embeddings": 64,
    "rope_theta": 5000.0,
    "bos_token_id": 0,
    "eos_token_id": 0,
}

PHI = {
    "model_type": "phi",
    "architectures": ["PhiForCausalLM"],
    "hidden_size": 24,
    "intermediate_size": 37,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "num_key_value_heads": 3,
    "vocab_size": 264,
    "max_position_embeddings": 64,
    "hidden_act": "gelu_new",
    "layer_norm_eps": 2e-3,
    "partial_rotary_factor": 0.5,
    "rope_theta": 5000.0,
    "qk_layernorm": False,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "eos_token_id": 0,
}

CONFIGS = {
    "llama": LLAMA,
    "llama_linear": like_llama(
        "llama",
        "LlamaForCausalLM",
        rope_scaling={"type": "linear", "factor": 2.5},
        attention_bias=True,
        mlp_bias=True,
        tie_word_embeddings=True,
    ),
    # Wavelengths from 6 to 3000: every branch of the rule is met.
    "llama3": like_llama(
        "llama",
        "LlamaForCausalLM",
        head_dim=12,
        max_position_embeddings=256,
        rope_scaling={
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    ),
    # The spelling of transformers 5.
    "llama3_v5": like_llama(
        "llama",
        "LlamaForCausalLM",
        rope_theta="absent",
        dtype="float32",
        max_position_embeddings=256,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 5000.0,
            "factor": 4.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 3.0,
            "original_max_position_embeddings": 32,
        },
    ),
    "mistral": like_llama("mistral", "MistralForCausalLM", sliding_window=7),
    "qwen2": like_llama("qwen2", "Qwen2ForCausalLM", tie_word_embeddings=True, use_sliding_window=False, sliding_window=7),
    "qwen2_window": like_llama(
        "qwen2", "Qwen2ForCausalLM", num_hidden_layers=3, use_sliding_window=True, sliding_window=7, max_window_layers=1
    ),
    "qwen3": like_llama("qwen3", "Qwen3ForCausalLM", head_dim=8, tie_word_embeddings=True),
    "smollm3": like_llama(
        "smollm3", "SmolLM3ForCausalLM", num_hidden_layers=4, no_rope_layers=[1, 0, 1, 1], tie_word_embeddings=True
    ),
    "phi3": like_llama("phi3", "Phi3ForCausalLM", rope_scaling=None, sliding_window=7, original_max_position_embeddings=64),
    "phi3_longrope": like_llama(
        "phi3",
        "Phi3ForCausalLM",
        max_position_embeddings=64,
        original_max_position_embeddings=16,
        sliding_window=None,
        rope_scaling={
            "type": "longrope",
            "short_factor": [1.0, 1.1, 1.3],
            "long_factor": [1.2, 2.5, 4.0],
        },
    ),
    "gemma": like_llama("gemma", "GemmaForCausalLM", **GEMMA),
    "gemma2": like_llama(
        "gemma2",
        "Gemma2ForCausalLM",
        **GEMMA,
        num_hidden_layers=4,
        query_pre_attn_scalar=13,
        sliding_window=7,
        attn_logit_softcapping=2.0,
        final_logit_softcapping=3.0,
    ),
    "gemma3_text": like_llama(
        "gemma3_text",
        "Gemma3ForCausalLM",
        **GEMMA,
        num_hidden_layers=4,
        query_pre_attn_scalar=13,
        sliding_window=7,
        sliding_window_pattern=2,
        rope_local_base_freq=300.0,
        rope_scaling={"rope_type": "linear", "factor": 4.0},
    ),
    "gemma3_v5": like_llama(
        "gemma3_text",
        "Gemma3ForCausalLM",
        **GEMMA,
        num_hidden_layers=2,
        query_pre_attn_scalar=8,
        sliding_window=7,
        layer_types=["full_attention", "sliding_attention"],
        rope_theta="absent",
        rope_parameters={
            "sliding_attention": {"rope_type": "default", "rope_theta": 300.0},
            "full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 5000.0},
        },
    ),
    "olmo2": like_llama("olmo2", "Olmo2ForCausalLM"),
    "granite": like_llama(
        "granite",
        "GraniteForCausalLM",
        embedding_multiplier=3.0,
        residual_multiplier=0.6,
        attention_multiplier=0.3,
        logits_scaling=1.7,
        attention_bias=True,
        tie_word_embeddings=True,
    ),
    "opt": {
        "model_type": "opt",
        "architectures": ["OPTForCausalLM"],
        "hidden_size": 24,
        "word_embed_proj_dim": 24,
        "ffn_dim": 37,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "vocab_size": 264,
        "max_position_embeddings": 40,
        "activation_function": "relu",
        "do_layer_norm_before": True,
        "_remove_final_layer_norm": False,
        "bos_token_id": 2,
        "eos_token_id": 2,
        "pad_token_id": 1,
    },
    # What Galactica has: no biases, gelu, plain norms.
    "opt_plain": {
        "model_type": "opt",
        "architectures": ["OPTForCausalLM"],
        "hidden_size": 24,
        "ffn_dim": 40,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 264,
        "max_position_embeddings": 40,
        "activation_function": "gelu",
        "enable_bias": False,
        "layer_norm_elementwise_affine": False,
        "tie_word_embeddings": False,
        "pad_token_id": 1,
    },
    "gpt2": GPT2,
    "gpt2_scaled": {**GPT2, "n_inner": None, "scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": False},
    # Three heads: the slopes of a number that is no power of two.
    "bloom": {
        "model_type": "bloom",
        "architectures": ["BloomForCausalLM"],
        "hidden_size": 24,
        "n_layer": 2,
        "n_head": 3,
        "vocab_size": 264,
        "layer_norm_epsilon": 2e-3,
        "apply_residual_connection_post_layernorm": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
    },
    "stablelm": STABLELM,
    "stablelm_parallel": {**STABLELM, "use_parallel_residual": True, "use_qkv_bias": False},
    "phi": PHI,
    "phi_v5": {
        key: value
        for key, value in {
            **PHI,
            "num_key_value_heads": 1,
            "rope_parameters": {"rope_type": "default", "rope_theta": 5000.0, "partial_rotary_factor": 0.75},
        }.items()
        if key not in ("rope_theta", "partial_rotary_factor")
    },
    "gpt_neox": NEOX,
    "gpt_neox_sequential": {**NEOX, "use_parallel_residual": False, "rotary_pct": 1.0},
    "gptj": {
        "model_type": "gptj",
        "architectures": ["GPTJForCausalLM"],
        "n_embd": 24,
        "n_layer": 2,
        "n_head": 3,
        "n_inner": None,
        "n_positions": 40,
        "rotary_dim": 4,
        "vocab_size": 264,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 2e-3,
        "tie_word_embeddings": False,
        "bos_token_id": 0,
        "eos_token_id": 0,
    },
    "falcon_7b": FALCON,
    "falcon_40b": {
        **FALCON,
        "num_attention_heads": 4,
        "num_kv_heads": 2,
        "new_decoder_architecture": True,
        "ffn_hidden_size": 37,
        "tie_word_embeddings": False,
    },
    "falcon_11b": {
        **FALCON,
        "num_attention_heads": 4,
        "num_kv_heads": 2,
        "new_decoder_architecture": True,
        "num_ln_in_parallel_attn": 1,
    },
    # Four heads: transformers rounds ALiBi to bfloat16, which these slopes survive.
    "falcon_rw": {
        **FALCON,
        "num_attention_heads": 4,
        "alibi": True,
        "bias": True,
        "multi_query": False,
        "parallel_attn": False,
    },
    "cwm": like_llama("cwm", "CwmForCausalLM", num_hidden_layers=5, sliding_window=7, head_dim=6, mlp_bias=True),
    # The spelling and the names of the code that came with EXAONE 3.0 and 3.5.
    "exaone": {
        **{key: value for key, value in LLAMA.items() if key not in ("num_hidden_layers", "rms_norm_eps", "hidden_act")},
        "model_type": "exaone",
        "architectures": ["ExaoneForCausalLM"],
        "num_layers": 2,
        "layer_norm_epsilon": 2e-3,
        "activation_function": "silu",
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    },
    "exaone_v5": like_llama("exaone", "ExaoneForCausalLM", rope_theta="absent", rope_parameters=None),
    "internlm3": {
        **LLAMA,
        "model_type": "internlm3",
        "architectures": ["InternLM3ForCausalLM"],
        "head_dim": 8,
        "qkv_bias": True,
        "bias": True,
        "rope_scaling": {"rope_type": "dynamic", "factor": 6.0},
    },
    "iquestcoder": like_llama("iquestcoder", "IQuestCoderForCausalLM", head_dim=8, attention_bias=True),
    "ministral": like_llama(
        "ministral",
        "MinistralForCausalLM",
        head_dim=8,
        num_hidden_layers=3,
        sliding_window=7,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
    ),
    # Queries grow four times within the twenty tokens.
    "ministral3": like_llama(
        "ministral3",
        "Ministral3ForCausalLM",
        head_dim=8,
        rope_theta="absent",
        sliding_window=11,
        rope_parameters={
            "type": "yarn",
            "rope_type": "yarn",
            "rope_theta": 5000.0,
            "factor": 8.0,
            "original_max_position_embeddings": 5,
            "max_position_embeddings": 64,
            "beta_fast": 4.0,
            "beta_slow": 1.0,
            "mscale": 1.0,
            "mscale_all_dim": 1.0,
            "llama_4_scaling_beta": 0.4,
        },
    ),
    "seed_oss": like_llama("seed_oss", "SeedOssForCausalLM", head_dim=8, attention_bias=True, attention_out_bias=False),
    "seed_oss_out": like_llama(
        "seed_oss", "SeedOssForCausalLM", head_dim=8, attention_bias=False, attention_out_bias=True, mlp_bias=True
    ),
    "ernie4_5": like_llama("ernie4_5", "Ernie4_5ForCausalLM", head_dim=8, use_bias=True, tie_word_embeddings=True),
    "helium": like_llama("helium", "HeliumForCausalLM", head_dim=6, attention_bias=True, mlp_bias=True),
    "olmo": like_llama("olmo", "OlmoForCausalLM", rms_norm_eps="absent", clip_qkv=0.7),
    "olmo_free": like_llama("olmo", "OlmoForCausalLM", rms_norm_eps="absent", attention_bias=True, tie_word_embeddings=True),
    "cohere": like_llama(
        "cohere",
        "CohereForCausalLM",
        rms_norm_eps="absent",
        layer_norm_eps=2e-3,
        logit_scale=0.3,
        attention_bias=True,
        tie_word_embeddings=True,
    ),
    # Command R+.
    "cohere_plus": like_llama(
        "cohere",
        "CohereForCausalLM",
        rms_norm_eps="absent",
        layer_norm_eps=2e-3,
        logit_scale=0.3,
        use_qk_norm=True,
        tie_word_embeddings=True,
    ),
    "apertus": like_llama("apertus", "ApertusForCausalLM", hidden_act="xielu", attention_bias=True),
    "arcee": like_llama("arcee", "ArceeForCausalLM", hidden_act="relu2", attention_bias=True, mlp_bias=True),
    "nemotron": like_llama(
        "nemotron",
        "NemotronForCausalLM",
        rms_norm_eps="absent",
        norm_eps=2e-3,
        hidden_act="relu2",
        head_dim=8,
        partial_rotary_factor=0.5,
    ),
    "glm": like_llama(
        "glm", "GlmForCausalLM", head_dim=8, attention_bias=True, partial_rotary_factor=0.5
    ),
    "glm4": like_llama("glm4", "Glm4ForCausalLM", head_dim=8, attention_bias=True, partial_rotary_factor=0.5),
    "starcoder2": like_llama(
        "starcoder2",
        "Starcoder2ForCausalLM",
        rms_norm_eps="absent",
        norm_epsilon=2e-3,
        hidden_act="gelu_pytorch_tanh",
        sliding_window=7,
        use_bias=True,
        tie_word_embeddings=True,
    ),
}

# Where checkpoints on the Hub have other names than the class of today: what a name starts with there and here.
STORED_AS = {
    "gpt2": ("transformer.", ""),
    "bloom": ("transformer.", ""),
    "opt_plain": ("model.", ""),
    "gpt_neox": ("lm_head.", "embed_out."),
    "gpt_neox_other_rotary": ("lm_head.", "embed_out."),
}

# Keys that several families have and read differently, or do not read at all: test/fixtures/config_keys.
KEYS = {
    # transformers takes it for Ministral, whose layers it lists.
    "mistral_listed": {
        **CONFIGS["mistral"],
        "num_hidden_layers": 3,
        "head_dim": CONFIGS["mistral"]["hidden_size"] // CONFIGS["mistral"]["num_attention_heads"],
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    },
    # Listed layers slide though windows are not switched on.
    "smollm3_listed": {
        **CONFIGS["smollm3"],
        "use_sliding_window": False,
        "sliding_window": 7,
        "layer_types": ["sliding_attention", "full_attention", "full_attention", "sliding_attention"],
    },
    # Gemma 1 goes by hidden_act alone.
    "gemma_two_activations": {**CONFIGS["gemma"], "hidden_act": "silu", "hidden_activation": "relu", "mlp_bias": True},
    # Gemma 3 has the key and caps no score.
    "gemma3_attention_cap": {**CONFIGS["gemma3_text"], "attn_logit_softcapping": 1.0},
    # GPT-NeoX: rotary_pct, not partial_rotary_factor; GPT-J: neither base nor scaling.
    "gpt_neox_other_rotary": {**NEOX, "rotary_pct": 0.25, "partial_rotary_factor": 0.75},
    "gptj_other_rotary": {
        **CONFIGS["gptj"],
        "rope_theta": 100.0,
        "rope_scaling": {"rope_type": "linear", "factor": 4.0},
    },
}

# A language model inside one that reads images, whose names on the Hub are not those of the class.
VISION = {
    "model_type": "pixtral",
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "head_dim": 8,
    "image_size": 28,
    "patch_size": 14,
}
for text in ("mistral", "ministral3"):
    KEYS[f"mistral3_{text}"] = {
        "model_type": "mistral3",
        "architectures": ["Mistral3ForConditionalGeneration"],
        "text_config": {key: value for key, value in CONFIGS[text].items() if key not in ("architectures", "tie_word_embeddings")},
        "vision_config": VISION,
        "image_token_index": 10,
        "spatial_merge_size": 2,
        "tie_word_embeddings": text == "ministral3",
    }

# The same where more than a prefix differs, as patterns of the class's names and what stands there instead.
RENAMED = {
    "mistral3_mistral": [(r"^model\.language_model\.", "language_model.model."), (r"^lm_head\.", "language_model.lm_head.")],
    "exaone": [
        (r"^model\.embed_tokens\.", "transformer.wte."),
        (r"^model\.layers\.", "transformer.h."),
        (r"^model\.norm\.", "transformer.ln_f."),
        (r"\.self_attn\.o_proj\.", ".attn.attention.out_proj."),
        (r"\.self_attn\.", ".attn.attention."),
        (r"\.input_layernorm\.", ".ln_1."),
        (r"\.post_attention_layernorm\.", ".ln_2."),
        (r"\.mlp\.gate_proj\.", ".mlp.c_fc_0."),
        (r"\.mlp\.up_proj\.", ".mlp.c_fc_1."),
        (r"\.mlp\.down_proj\.", ".mlp.c_proj."),
    ],
}
