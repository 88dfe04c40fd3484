/** @file Canonical model → {@link DecoderDescription}. */
import type {
  Attention,
  DecoderLayer,
  DecoderModel,
  Embedding,
  Head,
  Linear,
  Norm,
  Rotary,
  WeightRef,
} from '../decoder_model.ts';
import type { InputQuantization } from '../input_quantization.ts';
import {
  type AttentionDescription,
  DESCRIPTION_VERSION,
  type DecoderDescription,
  type LayerDescription,
  type LinearDescription,
  type NormDescription,
} from './description.ts';

/** @param names What each distinct weight of the model is called in the file that is written. */
export function describeModel(model: DecoderModel, names: ReadonlyMap<WeightRef, string>): DecoderDescription {
  const describer = new Describer(names);
  const layers = model.layers.map((layer) => describer.layer(layer));
  return {
    version: DESCRIPTION_VERSION,
    config: configOf(model),
    rotary: describer.rotary,
    ...(describer.inputs.length > 0 && { inputs: describer.inputs }),
    embed_tokens: describer.embedding(model.embed_tokens),
    layers,
    norm: describer.norm(model.norm),
    lm_head: describer.head(model.lm_head),
  };
}

/** The fields of ModelConfig alone: families keep more in theirs. */
function configOf({ config }: DecoderModel): DecoderDescription['config'] {
  const { model_type, architecture, hidden_size, intermediate_size, num_hidden_layers, vocab_size } = config;
  const { num_attention_heads, num_key_value_heads, head_dim } = config;
  const { max_position_embeddings, tie_word_embeddings } = config;
  return {
    model_type,
    architecture,
    hidden_size,
    intermediate_size,
    num_hidden_layers,
    num_attention_heads,
    num_key_value_heads,
    head_dim,
    vocab_size,
    max_position_embeddings,
    tie_word_embeddings,
  };
}

class Describer {
  readonly rotary: DecoderDescription['rotary'] = [];
  readonly inputs: NonNullable<DecoderDescription['inputs']> = [];
  private readonly rotaryIndex = new Map<Rotary, number>();
  private readonly inputIndex = new Map<string, number>();

  constructor(private readonly names: ReadonlyMap<WeightRef, string>) {}

  embedding({ weight, norm, projection, positions, scale, centered }: Embedding): DecoderDescription['embed_tokens'] {
    return {
      weight: this.name(weight),
      ...(scale !== undefined && { scale }),
      ...(norm && { norm: this.norm(norm) }),
      ...(centered && { centered: true }),
      ...(projection && { projection: this.name(projection) }),
      ...(positions && { positions: { weight: this.name(positions.weight), offset: positions.offset } }),
    };
  }

  layer(layer: DecoderLayer): LayerDescription {
    const { input_layernorm, post_attention_layernorm, attention_output_norm, mlp_output_norm } = layer;
    const { gate_proj, up_proj, down_proj, activation, xielu } = layer.mlp;
    const { parallel, residual_multiplier, attn_shortcut_Q, mlp_shortcut_Q } = layer;
    const isShared = post_attention_layernorm !== undefined && post_attention_layernorm === input_layernorm;
    return {
      ...(parallel && { parallel: true }),
      ...(input_layernorm && { input_layernorm: this.norm(input_layernorm) }),
      attention: this.attention(layer.attention),
      ...(attention_output_norm && { attention_output_norm: this.norm(attention_output_norm) }),
      ...(post_attention_layernorm && {
        post_attention_layernorm: isShared ? ('input_layernorm' as const) : this.norm(post_attention_layernorm),
      }),
      mlp: {
        ...(gate_proj && { gate_proj: this.linear(gate_proj) }),
        up_proj: this.linear(up_proj),
        down_proj: this.linear(down_proj),
        activation,
        ...(xielu && {
          xielu: {
            alpha_p: this.name(xielu.alpha_p),
            alpha_n: this.name(xielu.alpha_n),
            ...(xielu.beta && { beta: this.name(xielu.beta) }),
            ...(xielu.eps && { eps: this.name(xielu.eps) }),
          },
        }),
      },
      ...(mlp_output_norm && { mlp_output_norm: this.norm(mlp_output_norm) }),
      ...(residual_multiplier !== undefined && { residual_multiplier }),
      ...(attn_shortcut_Q && { attn_shortcut_Q: this.name(attn_shortcut_Q) }),
      ...(mlp_shortcut_Q && { mlp_shortcut_Q: this.name(mlp_shortcut_Q) }),
    };
  }

  norm({ kind, weight, bias, weight_offset, eps, normalized_size, heads }: Norm): NormDescription {
    return {
      kind,
      ...(weight && { weight: this.name(weight) }),
      ...(bias && { bias: this.name(bias) }),
      ...(weight_offset !== undefined && { weight_offset }),
      eps,
      normalized_size,
      ...(heads !== undefined && { heads }),
    };
  }

  head({ weight, bias, projection, scale, soft_cap }: Head): DecoderDescription['lm_head'] {
    return {
      weight: this.name(weight),
      ...(bias && { bias: this.name(bias) }),
      ...(projection && { projection: this.name(projection) }),
      ...(scale !== undefined && { scale }),
      ...(soft_cap !== undefined && { soft_cap }),
    };
  }

  private attention(attention: Attention): AttentionDescription {
    const { num_attention_heads, num_key_value_heads, head_dim, scale } = attention;
    const { rotary, q_norm, k_norm, sliding_window, soft_cap, clip_qkv, alibi_slopes } = attention;
    return {
      q_proj: this.linear(attention.q_proj),
      k_proj: this.linear(attention.k_proj),
      v_proj: this.linear(attention.v_proj),
      o_proj: this.linear(attention.o_proj),
      num_attention_heads,
      num_key_value_heads,
      head_dim,
      scale,
      ...(rotary && { rotary: this.indexOf(rotary) }),
      ...(q_norm && { q_norm: this.norm(q_norm) }),
      ...(k_norm && { k_norm: this.norm(k_norm) }),
      ...(sliding_window !== undefined && { sliding_window }),
      ...(soft_cap !== undefined && { soft_cap }),
      ...(clip_qkv !== undefined && { clip_qkv }),
      ...(alibi_slopes && { alibi_slopes: [...alibi_slopes] }),
    };
  }

  private indexOf(rotary: Rotary): number {
    const known = this.rotaryIndex.get(rotary);
    if (known !== undefined) return known;
    const { dim, inv_freq, attention_factor, interleaved, long, query_scale } = rotary;
    const index = this.rotary.push({
      dim,
      inv_freq: [...inv_freq],
      attention_factor,
      interleaved,
      ...(long && { long: { ...long, inv_freq: [...long.inv_freq] } }),
      ...(query_scale && { query_scale }),
    });
    this.rotaryIndex.set(rotary, index - 1);
    return index - 1;
  }

  private linear({ weight, bias, input }: Linear): LinearDescription {
    return {
      weight: this.name(weight),
      ...(bias && { bias: this.name(bias) }),
      ...(input && { input: this.indexOfInput(input) }),
    };
  }

  private indexOfInput(input: InputQuantization): number {
    const key = JSON.stringify(input);
    const known = this.inputIndex.get(key);
    if (known !== undefined) return known;
    this.inputIndex.set(key, this.inputs.length);
    // JSON of its own, as the schema has it: an outline without a grid cannot be described.
    return this.inputs.push(JSON.parse(key)) - 1;
  }

  private name(ref: WeightRef): string {
    const name = this.names.get(ref);
    if (name === undefined) throw new RangeError(`${ref.name} has no name in the file`);
    return name;
  }
}
