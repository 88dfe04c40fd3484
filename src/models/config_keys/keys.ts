/**
 * @file Keys of config.json by what they do, shared by families. A family's descriptor lists the keys that its `readConfig`
 * reads (`config_keys.read`) and those that its class in transformers has and that change nothing Whittle computes
 * (`config_keys.idle`); what is in neither is judged by `judge.ts`.
 */

/** Sizes, heads and ties: what `DECODER_FIELDS` and `modelConfig` read. */
export const DECODER_KEYS: readonly string[] = [
  'hidden_size',
  'intermediate_size',
  'num_hidden_layers',
  'num_attention_heads',
  'num_key_value_heads',
  'head_dim',
  'vocab_size',
  'max_position_embeddings',
  'tie_word_embeddings',
];

/** The list without some of its keys, for a family that does not read them. */
export function without(keys: readonly string[], ...left_out: readonly string[]): readonly string[] {
  return keys.filter((key) => !left_out.includes(key));
}

/** What `readRotary` reads. */
export const ROPE_KEYS: readonly string[] = [
  'rope_parameters',
  'rope_scaling',
  'rope_theta',
  'partial_rotary_factor',
  'original_max_position_embeddings',
];

/** What `readRmsConfig` reads. A family that fixes its biases whatever the config says lists the two under `idle`. */
export const RMS_KEYS: readonly string[] = [...DECODER_KEYS, ...ROPE_KEYS, 'hidden_act', 'rms_norm_eps'];

export const BIAS_KEYS: readonly string[] = ['attention_bias', 'mlp_bias'];

/** Read for every family, outside its descriptor. */
export const ALWAYS_READ: readonly string[] = [
  'model_type',
  'architectures',
  'quantization_config',
  'num_experts',
  'num_local_experts',
  'n_routed_experts',
  'moe_num_experts',
  'is_causal',
];

/** Of every config: training, generation, bookkeeping. Nothing that is computed in one pass over a text depends on them. */
export const ALWAYS_IDLE: ReadonlySet<string> = new Set(
  `
  _name_or_path transformers_version torch_dtype dtype use_bfloat16 torchscript auto_map custom_pipelines whittle
  transformers.js_config _commit_hash attn_implementation tokenizer_class model_name model_max_length unsloth_version
  unsloth_fixed language finetuning_task task_specific_params gradient_checkpointing use_flash_attn use_flash_attention
  flash_attn use_cache cache_implementation use_cache_quantization use_cache_kernel return_dict output_attentions
  output_hidden_states output_past output_scores return_dict_in_generate
  bos_token_id eos_token_id pad_token_id sep_token_id cls_token_id mask_token_id unk_token_id decoder_start_token_id
  bos_token eos_token pad_token unk_token forced_bos_token_id forced_eos_token_id prefix begin_suppress_tokens suppress_tokens
  bad_words_ids
  initializer_range initializer_factor init_std init_method attention_dropout hidden_dropout resid_pdrop embd_pdrop attn_pdrop
  dropout layerdrop classifier_dropout embedding_dropout attention_dropout_prob hidden_dropout_prob
  attention_probs_dropout_prob resid_dropout attn_dropout embd_dropout emb_dropout_prob attn_dropout_prob residual_dropout
  summary_type summary_use_proj summary_activation summary_proj_to_labels summary_first_dropout summary_last_dropout
  id2label label2id num_labels problem_type pruned_heads is_encoder_decoder is_decoder cross_attention_hidden_size
  tie_encoder_decoder tf_legacy_loss chunk_size_feed_forward pretraining_tp max_length min_length do_sample early_stopping
  num_beams num_beam_groups diversity_penalty temperature top_k top_p typical_p repetition_penalty length_penalty
  no_repeat_ngram_size encoder_no_repeat_ngram_size num_return_sequences remove_invalid_values
  is_llama_config full_attn_mod interpolate_factor num_logits_to_keep kv_channels use_rope attention_softmax_in_fp32
  scale_attention_softmax_in_fp32 tensor_parallel_degree sequence_parallel
  exponential_decay_length_penalty seq_length seq_len max_seq_len max_sequence_length sequence_length n_ctx
  `
    .trim()
    .split(/\s+/),
);

/**
 * Keys of other classes of transformers. A class passes over the keys of others, and so does Whittle, with a warning: the
 * numbers are those of transformers. The keys that Whittle's families read need not be here.
 */
export const OF_OTHER_CLASSES: ReadonlySet<string> = new Set(
  `
  attention_chunk_size attn_temperature_tuning attn_scale floor_scale clip_qkv logit_scale use_qk_norm qk_norm qk_layernorm
  qk_layernorms scale_emb scale_depth dim_model_base mup_width_multiplier embedding_scale scale_embedding rescale_embeddings
  use_bias use_qkv_bias qkv_bias bias mlp_bias attention_bias norm_eps norm_epsilon layer_norm_eps layer_norm_epsilon
  rms_norm_eps hidden_act hidden_activation activation_function rotary_dim rotary_pct rotary_emb_base rotary_embedding_base
  partial_rotary_factor rope_interleave rope_interleaved attention_out_bias attention_in_multiplier attention_out_multiplier
  key_multiplier mlp_multipliers lm_head_multiplier embedding_multiplier use_mrope mrope_section no_bias emb_pdrop
  dual_chunk_attention_config sliding_window_size rope_pct rotary_scaling_factor norm_head norm_topk_prob residual_in_fp32
  attention_sink_size learnable_sink_init mlp_layer_types prefix_dense_sliding_window_pattern
  `
    .trim()
    .split(/\s+/),
);

/**
 * What keys are called that change what is computed: scalings, caps, norms, windows, positions, biases, sinks, rotations. A
 * key that neither Whittle nor transformers knows and that is called so is refused.
 */
export const TELLING =
  /soft_?cap|multiplier|(^|_)mup(_|$)|(^|_)scal(e|es|ing)(_|$)|qk_?(layer_?)?norm|(^|_)norm(_|$)|layer_?norm|alibi|(^|_)sinks?(_|$)|clip|window|chunk|sliding|rope|rotary|position_emb|yarn|(^|_)ntk|(^|_)bias$|parallel_(attn|attention|residual)|residual|gate(d|s)?(_|$)|hadamard|rotat(e|ed|ion)|transform_|spinquant|smooth|compression_config|^quantization$|sparsity|causal|bidirectional|cross_attention|attention_(type|types|pattern|kind)|layer_types?$|lora|adapter|skip_layers|early_exit|pruned/i;
