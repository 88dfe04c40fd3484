/** @file The config keys of each architecture, as transformers names them. */
import type { RawConfig } from '../hf/config.ts';
import { ATTENTION_BIASES, MLP_BIASES } from './biases.ts';
import type { Facts } from './config.ts';
import { unsupportedGguf } from './errors.ts';

type Config = Record<string, unknown>;

/** Throws `bad_gguf`, `unknown_architecture`. */
export function hfConfig(architecture: string, facts: Facts): RawConfig {
  return CONFIGS[architecture](facts);
}

/** By `general.architecture`: every key of GGUF_FAMILIES. */
const CONFIGS: Readonly<Record<string, (facts: Facts) => Config>> = {
  llama,
  granite,
  smollm3: (facts) => ({
    ...rms(facts, 'smollm3', 'SmolLM3ForCausalLM'),
    attention_bias: hasAttentionBias(facts),
    mlp_bias: hasMlpBias(facts),
    // llama.cpp has the interval built in: every fourth layer has no rotary embedding.
    no_rope_layers: Array.from({ length: facts.num_hidden_layers }, (_, i) => ((i + 1) % 4 === 0 ? 0 : 1)),
    no_rope_layer_interval: 4,
  }),
  qwen2: (facts) => ({ ...rms(facts, 'qwen2', 'Qwen2ForCausalLM'), use_sliding_window: false }),
  qwen3: (facts) => ({
    ...rms(facts, 'qwen3', 'Qwen3ForCausalLM'),
    attention_bias: hasAttentionBias(facts),
    use_sliding_window: false,
  }),
  gemma: (facts) => gemma(facts, 'gemma', 'GemmaForCausalLM'),
  gemma2,
  gemma3,
  olmo2: (facts) => rms(facts, 'olmo2', 'Olmo2ForCausalLM'),
  phi3,
  phi2: (facts) => ({
    ...layerNorm(facts, 'phi', 'PhiForCausalLM'),
    layer_norm_eps: layerNormEps(facts),
    hidden_act: 'gelu_new',
    rope_theta: facts.rope_theta,
    ...rope(facts),
    qk_layernorm: false,
  }),
  gpt2,
  gptneox: (facts) => ({
    ...layerNorm(facts, 'gpt_neox', 'GPTNeoXForCausalLM'),
    layer_norm_eps: layerNormEps(facts),
    // The converter does not record it; it is the activation of Pythia.
    hidden_act: 'gelu',
    // its class reads the share of each head under its own name alone
    partial_rotary_factor: undefined,
    rotary_pct: partialRotary(facts),
    rotary_emb_base: facts.rope_theta,
    use_parallel_residual: facts.metadata.bool(facts.key('use_parallel_residual')) ?? true,
    attention_bias: true,
  }),
  bloom,
  falcon,
  stablelm: (facts) => ({
    ...layerNorm(facts, 'stablelm', 'StableLmForCausalLM'),
    layer_norm_eps: layerNormEps(facts),
    hidden_act: 'silu',
    rope_theta: facts.rope_theta,
    ...rope(facts),
    partial_rotary_factor: partialRotary(facts),
    use_qkv_bias: facts.hasTensor('blk.0.attn_q.bias'),
    use_parallel_residual: facts.metadata.bool(facts.key('use_parallel_residual')) ?? false,
    qk_layernorm: false,
  }),
};

/** Mistral is converted as Llama; only its window tells, where the file has one. Biases of q, k and v alone are Qwen 2's. */
function llama(facts: Facts): Config {
  const windowKey = facts.key('attention.sliding_window');
  const window = facts.metadata.integer(windowKey);
  if (window) {
    if (hasAttentionBias(facts) || hasMlpBias(facts)) {
      throw unsupportedGguf(facts.metadata.file, `Layers with a window of ${window} tokens have biases.`, {
        field: windowKey,
        allowed: 'a sliding window (Mistral) or biases, not both',
      });
    }
    return { ...rms(facts, 'mistral', 'MistralForCausalLM'), sliding_window: window };
  }
  if (hasQkvBiasOnly(facts)) return { ...rms(facts, 'qwen2', 'Qwen2ForCausalLM'), use_sliding_window: false };
  return {
    ...rms(facts, 'llama', 'LlamaForCausalLM'),
    attention_bias: hasAttentionBias(facts),
    mlp_bias: hasMlpBias(facts),
  };
}

function granite(facts: Facts): Config {
  const { metadata, key } = facts;
  return {
    ...rms(facts, 'granite', 'GraniteForCausalLM'),
    attention_bias: hasAttentionBias(facts),
    mlp_bias: hasMlpBias(facts),
    attention_multiplier: metadata.number(key('attention.scale')) ?? 1 / Math.sqrt(facts.head_dim),
    embedding_multiplier: metadata.number(key('embedding_scale')) ?? 1,
    residual_multiplier: metadata.number(key('residual_scale')) ?? 1,
    logits_scaling: metadata.number(key('logit_scale')) ?? 1,
  };
}

function gemma(facts: Facts, model_type: string, class_name: string): Config {
  return {
    ...rms(facts, model_type, class_name),
    hidden_act: 'gelu_pytorch_tanh',
    hidden_activation: 'gelu_pytorch_tanh',
  };
}

/** @param large Layers of the one size whose scores are scaled by hidden_size/heads: llama.cpp has it built in. */
function queryScalar({ num_hidden_layers, hidden_size, num_attention_heads, head_dim }: Facts, large: number): number {
  return num_hidden_layers === large ? hidden_size / num_attention_heads : head_dim;
}

function gemma2(facts: Facts): Config {
  const { metadata, key } = facts;
  return {
    ...gemma(facts, 'gemma2', 'Gemma2ForCausalLM'),
    query_pre_attn_scalar: queryScalar(facts, 46),
    attn_logit_softcapping: metadata.number(key('attn_logit_softcapping')) ?? 50,
    final_logit_softcapping: metadata.number(key('final_logit_softcapping')) ?? 30,
    sliding_window: metadata.integer(key('attention.sliding_window'), { min: 1 }) ?? 4096,
    layer_types: slidingLayers(facts, 2),
  };
}

function gemma3(facts: Facts): Config {
  const { metadata, key } = facts;
  const windowKey = key('attention.sliding_window');
  const sliding_window = metadata.integer(windowKey, { min: 1 });
  const patternKey = key('attention.sliding_window_pattern');
  const pattern = metadata.get(patternKey);
  if (pattern?.type === 'array') {
    throw unsupportedGguf(metadata.file, `${patternKey} is ${metadata.show(patternKey)}.`, {
      field: patternKey,
      allowed: 'a number, or no such key',
    });
  }
  return {
    ...gemma(facts, 'gemma3_text', 'Gemma3ForCausalLM'),
    query_pre_attn_scalar: queryScalar(facts, 62),
    final_logit_softcapping: metadata.number(key('final_logit_softcapping')) ?? null,
    rope_local_base_freq: metadata.number(key('rope.freq_base_swa')) ?? 10_000,
    ...(sliding_window !== undefined && { sliding_window }),
    layer_types: slidingLayers(
      facts,
      sliding_window === undefined ? 1 : (metadata.integer(patternKey, { min: 1 }) ?? 6),
    ),
  };
}

/** Of every `interval` layers the last sees everything, the others a window. */
function slidingLayers({ num_hidden_layers }: Facts, interval: number): string[] {
  return Array.from({ length: num_hidden_layers }, (_, i) =>
    (i + 1) % interval === 0 ? 'full_attention' : 'sliding_attention',
  );
}

function phi3(facts: Facts): Config {
  const { metadata, key } = facts;
  const window = metadata.integer(key('attention.sliding_window'));
  const original = metadata.integer(key('rope.scaling.original_context_length'), { min: 1 });
  return {
    ...rms(facts, 'phi3', 'Phi3ForCausalLM'),
    partial_rotary_factor: partialRotary(facts),
    original_max_position_embeddings: original ?? facts.max_position_embeddings,
    // 0 stands for none.
    sliding_window: window || null,
  };
}

function gpt2(facts: Facts): Config {
  const { hidden_size, num_hidden_layers, num_attention_heads, intermediate_size } = facts;
  const [positions] = facts.shapeOf('position_embd.weight');
  return {
    ...base(facts, 'gpt2', 'GPT2LMHeadModel'),
    n_embd: hidden_size,
    n_layer: num_hidden_layers,
    n_head: num_attention_heads,
    n_inner: intermediate_size,
    n_positions: positions,
    n_ctx: positions,
    layer_norm_epsilon: layerNormEps(facts),
    activation_function: 'gelu_new',
  };
}

function bloom(facts: Facts): Config {
  const { hidden_size, intermediate_size, metadata, key } = facts;
  if (intermediate_size !== 4 * hidden_size) {
    throw metadata.odd(key('feed_forward_length'), `4 × the embedding length, ${4 * hidden_size}`);
  }
  return {
    ...base(facts, 'bloom', 'BloomForCausalLM'),
    hidden_size,
    n_layer: facts.num_hidden_layers,
    n_head: facts.num_attention_heads,
    seq_length: facts.max_position_embeddings,
    layer_norm_epsilon: layerNormEps(facts),
    apply_residual_connection_post_layernorm: false,
  };
}

function falcon(facts: Facts): Config {
  const { num_key_value_heads } = facts;
  const two_norms = facts.hasTensor('blk.0.attn_norm_2.weight');
  const isNew = two_norms || num_key_value_heads > 1;
  return {
    ...base(facts, 'falcon', 'FalconForCausalLM'),
    hidden_size: facts.hidden_size,
    num_hidden_layers: facts.num_hidden_layers,
    num_attention_heads: facts.num_attention_heads,
    num_kv_heads: num_key_value_heads,
    ffn_hidden_size: facts.intermediate_size,
    max_position_embeddings: facts.max_position_embeddings,
    layer_norm_epsilon: layerNormEps(facts),
    rope_theta: facts.rope_theta,
    ...rope(facts),
    activation: 'gelu',
    alibi: false,
    bias: false,
    multi_query: true,
    parallel_attn: true,
    new_decoder_architecture: isNew,
    ...(isNew && { num_ln_in_parallel_attn: two_norms ? 2 : 1 }),
  };
}

function base({ vocab_size, tie_word_embeddings }: Facts, model_type: string, class_name: string): Config {
  return { architectures: [class_name], model_type, vocab_size, tie_word_embeddings };
}

/** Keys that Llama's descendants and others share. */
function common(facts: Facts, model_type: string, class_name: string): Config {
  return {
    ...base(facts, model_type, class_name),
    hidden_size: facts.hidden_size,
    intermediate_size: facts.intermediate_size,
    num_hidden_layers: facts.num_hidden_layers,
    num_attention_heads: facts.num_attention_heads,
    num_key_value_heads: facts.num_key_value_heads,
    head_dim: facts.head_dim,
    max_position_embeddings: facts.max_position_embeddings,
  };
}

function rms(facts: Facts, model_type: string, class_name: string): Config {
  const { metadata, key, rotary_dim, head_dim } = facts;
  const epsKey = key('attention.layer_norm_rms_epsilon');
  const rms_norm_eps = metadata.number(epsKey);
  if (rms_norm_eps === undefined) throw metadata.missing(epsKey);
  if (rotary_dim !== head_dim && model_type !== 'phi3') {
    const rotaryKey = key('rope.dimension_count');
    throw unsupportedGguf(metadata.file, `Only ${rotary_dim} of the ${head_dim} elements of each head are rotated.`, {
      field: rotaryKey,
      allowed: String(head_dim),
    });
  }
  return {
    ...common(facts, model_type, class_name),
    rms_norm_eps,
    hidden_act: 'silu',
    rope_theta: facts.rope_theta,
    ...rope(facts),
  };
}

function layerNorm(facts: Facts, model_type: string, class_name: string): Config {
  return { ...common(facts, model_type, class_name), partial_rotary_factor: partialRotary(facts) };
}

function rope({ rope_scaling }: Facts): Config {
  return rope_scaling ? { rope_scaling } : {};
}

function layerNormEps({ metadata, key }: Facts): number {
  const epsKey = key('attention.layer_norm_epsilon');
  const eps = metadata.number(epsKey);
  if (eps === undefined) throw metadata.missing(epsKey);
  return eps;
}

/** A share whose product with head_dim, truncated as transformers does it, is the number of elements again. */
function partialRotary({ rotary_dim, head_dim }: Facts): number {
  const share = rotary_dim / head_dim;
  return Math.trunc(head_dim * share) === rotary_dim ? share : (rotary_dim + 0.5) / head_dim;
}

function hasAttentionBias({ someLayerHas }: Facts): boolean {
  return ATTENTION_BIASES.some((stem) => someLayerHas(`${stem}.bias`));
}

/** In every layer, and no other. */
function hasQkvBiasOnly(facts: Facts): boolean {
  const layers = Array.from({ length: facts.num_hidden_layers }, (_, i) => i);
  const everywhere = ['q', 'k', 'v'].every((part) =>
    layers.every((i) => facts.hasTensor(`blk.${i}.attn_${part}.bias`)),
  );
  return everywhere && !facts.someLayerHas('attn_output.bias') && !hasMlpBias(facts);
}

function hasMlpBias({ someLayerHas }: Facts): boolean {
  return MLP_BIASES.some((stem) => someLayerHas(`${stem}.bias`));
}
