/**
 * @file An architecture is data: which model types it covers, what its config means, and what its weights are called.
 * `build_model.ts` turns a descriptor, a config and a checkpoint into the canonical {@link DecoderModel}.
 */
import type { RawConfig } from '../formats/hf/config.ts';
import type { Mlp, ModelConfig, Norm, Rotary } from './decoder_model.ts';

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

/** A config, checked and with defaults filled in. */
export interface DecoderConfig extends ModelConfig {
  readonly norm_eps: number;
  readonly rotary?: Rotary;
  readonly activation: Mlp['activation'];
  readonly attention_bias: AttentionBias;
  readonly mlp_bias: MlpBias;
}

/** Names of weights; in `layer` they follow `layers` + index + ".". Linears get ".weight" and ".bias". */
export interface WeightNames {
  readonly embed_tokens: string;
  readonly layers: string;
  readonly layer: {
    readonly input_layernorm: string;
    readonly q_proj: string;
    readonly k_proj: string;
    readonly v_proj: string;
    readonly o_proj: string;
    readonly post_attention_layernorm: string;
    readonly gate_proj: string;
    readonly up_proj: string;
    readonly down_proj: string;
  };
  readonly norm: string;
  readonly lm_head: string;
}

export interface Architecture {
  /** Values of `model_type`. */
  readonly model_types: readonly string[];
  readonly norm: Norm['kind'];
  readonly weights: WeightNames;
  /** Stored tensors that carry no weight, such as precomputed frequencies. */
  readonly ignored: readonly RegExp[];
  /** Throws `bad_config`, `unknown_architecture`. */
  readConfig(raw: RawConfig, file: string): DecoderConfig;
}
