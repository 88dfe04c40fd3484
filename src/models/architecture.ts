/**
 * @file An architecture is data: which model types it covers, what its config means, and what its weights are called and
 * how they are laid out. `build_model.ts` turns a descriptor, a config and a checkpoint into the canonical
 * {@link DecoderModel}; the families are in `families/`, one a file.
 */
import type { RawConfig } from '../formats/hf/config.ts';
import type { Activation, ModelConfig, Norm, Rotary } from './decoder_model.ts';

/** Which linears carry a bias. */
export interface AttentionBias {
  readonly q: boolean;
  readonly k: boolean;
  readonly v: boolean;
  readonly o: boolean;
}

export interface MlpBias {
  readonly gate: boolean;
  readonly up: boolean;
  readonly down: boolean;
}

/** What all norms of a model share. */
export interface NormConfig {
  readonly kind: Norm['kind'];
  readonly eps: number;
  readonly bias: boolean;
  /** Absent: true. False where norms only normalise (Galactica). */
  readonly weight?: boolean;
  /** Added to the stored weight (Gemma: 1). */
  readonly weight_offset?: number;
}

/** What all layers' attention shares; {@link LayerConfig} has what differs. */
export interface AttentionConfig {
  readonly bias: AttentionBias;
  /** Multiplies the scores. */
  readonly scale: number;
  readonly soft_cap?: number;
  /** Queries, keys and values are clipped to ± this as they leave their projections (OLMo). */
  readonly clip_qkv?: number;
  /**
   * Norm of queries and keys: of each head alone, by one weight (Qwen3) or by one for each head (Command R+), or of all heads
   * together (OLMo-2).
   */
  readonly head_norm?: 'per_head' | 'head_by_head' | 'all_heads';
  /** One slope a head. */
  readonly alibi_slopes?: readonly number[];
}

export interface MlpConfig {
  /** `act(gate) ⊙ up`; else `act(up)`. */
  readonly gated: boolean;
  readonly activation: Activation;
  readonly bias: MlpBias;
}

export interface LayerConfig {
  readonly rotary?: Rotary;
  readonly sliding_window?: number;
  /** In place of {@link AttentionConfig.scale} (GPT-2's scale_attn_by_inverse_layer_idx). */
  readonly attention_scale?: number;
}

/** A config, checked and with defaults filled in: all that the builder needs besides names. Plain data. */
export interface DecoderConfig extends ModelConfig {
  readonly norm: NormConfig;
  readonly attention: AttentionConfig;
  readonly mlp: MlpConfig;
  /** One a layer. */
  readonly layers: readonly LayerConfig[];
  /** Attention and MLP read the same residual; through one norm, or each through its own. Absent: one after the other. */
  readonly parallel?: 'one_norm' | 'two_norms';
  readonly residual_multiplier?: number;
  readonly embedding?: {
    readonly scale?: number;
    /** The table of positions has `rows` rows; position t takes row t + `offset`. */
    readonly positions?: { readonly offset: number; readonly rows: number };
  };
  readonly head?: { readonly bias?: boolean; readonly scale?: number; readonly soft_cap?: number };
  /** For people: what the config asks for and is not done. */
  readonly warnings?: readonly string[];
}

/**
 * Where q, k and v lie: each alone, or fused in one matrix. `rows`: all queries, then all keys, then all values (Phi-3,
 * GPT-2, Falcon with one key head). `grouped`: for each key/value head its queries, its key, its value (Falcon 40B; with
 * as many key heads as query heads: GPT-NeoX, BLOOM).
 */
export type QkvNames =
  | { readonly q_proj: string; readonly k_proj: string; readonly v_proj: string }
  | { readonly qkv_proj: string; readonly order: 'rows' | 'grouped' };

/** Gate and up each alone, or fused in one matrix, gate first (Phi-3). Without a gate: up alone. */
export type GateUpNames = { readonly gate_proj?: string; readonly up_proj: string } | { readonly gate_up_proj: string };

/** Names follow the layer's. A norm that has no name does not exist, save that a `one_norm` layer names only the first. */
export interface LayerNames {
  readonly input_layernorm?: string;
  readonly qkv: QkvNames;
  readonly q_norm?: string;
  readonly k_norm?: string;
  readonly o_proj: string;
  readonly attention_output_norm?: string;
  /** What the MLP reads, whatever the family calls it. */
  readonly post_attention_layernorm?: string;
  readonly gate_up: GateUpNames;
  readonly down_proj: string;
  /** Of the parameters of an activation that has some. */
  readonly activation?: string;
  readonly mlp_output_norm?: string;
}

/** Names of modules: weights add ".weight" and ".bias". All but `lm_head` follow the checkpoint's prefix. */
export interface WeightNames {
  /** Tried in order; the first under which the embedding lies is the checkpoint's. */
  readonly prefixes: readonly string[];
  readonly embed_tokens: string;
  readonly embedding_norm?: string;
  readonly positions?: string;
  /** Followed by index and ".": "layers.". */
  readonly layers: string;
  readonly layer: LayerNames;
  readonly norm: string;
  /** Without the prefix; tried in order. */
  readonly lm_head: readonly string[];
  /** Linears of layers are stored as (in, out): GPT-2's Conv1D. */
  readonly transposed?: boolean;
}

/** Keys of config.json. A test holds them to the family's class in transformers and to what `readConfig` does. */
export interface ConfigKeys {
  /** `readConfig` depends on them, or refuses them. `config_keys/keys.ts` has those that families share. */
  readonly read: readonly string[];
  /** Of the family's class, and without effect on what is computed (or fixed in its code, whatever the config says). */
  readonly idle?: readonly string[];
  /** Fields of `rope_parameters` that only this family has. */
  readonly rope?: readonly string[];
}

export interface Architecture {
  /** For people: "Llama". */
  readonly family: string;
  /** Values of `model_type`. */
  readonly model_types: readonly string[];
  /** Classes that hold such a model besides …ForCausalLM and …LMHeadModel. */
  readonly classes?: readonly string[];
  /** A function where the names depend on the config; several where checkpoints have one set of names or another. */
  readonly weights: WeightNames | readonly WeightNames[] | ((config: DecoderConfig) => WeightNames);
  /** Stored tensors that carry no weight, such as precomputed frequencies. */
  readonly ignored: readonly RegExp[];
  /** Stored parts that are left out with a warning that names them. */
  readonly left_out?: readonly { readonly pattern: RegExp; readonly what: string }[];
  /** What its config may hold; another key that would change what is computed is refused ({@link judgeConfigKeys}). */
  readonly config_keys?: ConfigKeys;
  /** Throws `bad_config`, `unknown_architecture`. */
  readConfig(raw: RawConfig, file: string): DecoderConfig;
}
