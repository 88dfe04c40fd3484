/** @file One layer of a description, from the size of the residual stream before it to the size behind it. */
import type { Attention, DecoderLayer, Mlp, Rotary, WeightRef } from '../decoder_model.ts';
import type { DescribedWeights } from './described_weights.ts';
import type { AttentionDescription, LayerDescription } from './description.ts';

export interface DescribedLayer {
  layer: DecoderLayer;
  /** Size of the residual stream behind the layer. */
  output: number;
}

/** @param input Size of the residual stream before the layer. Throws `bad_config`, `missing_tensor`, `shape_mismatch`. */
export function buildDescribedLayer(
  weights: DescribedWeights,
  from: LayerDescription,
  index: number,
  input: number,
): DescribedLayer {
  const place = `layers.${index}`;
  const { parallel, residual_multiplier, attention_output_norm, mlp_output_norm } = from;
  if (parallel && from.mlp_shortcut_Q !== undefined) {
    const allowed = 'one shortcut, attn_shortcut_Q, in a parallel layer';
    throw weights.contradiction(`${place}.mlp_shortcut_Q`, 'A parallel layer has a mlp_shortcut_Q.', allowed);
  }
  const attn = shortcut(weights, from.attn_shortcut_Q, input);
  const middle = parallel ? input : attn.output;
  const mlp = parallel ? { output: attn.output } : shortcut(weights, from.mlp_shortcut_Q, middle);
  const layer: DecoderLayer = {
    index,
    ...(parallel && { parallel }),
    ...norms(weights, from, place, input, middle),
    attention: buildAttention(weights, from.attention, place, input, attn.output),
    ...(attention_output_norm && {
      attention_output_norm: weights.streamNorm(attention_output_norm, `${place}.attention_output_norm`, attn.output),
    }),
    mlp: buildMlp(weights, from.mlp, place, middle, mlp.output),
    ...(mlp_output_norm && {
      mlp_output_norm: weights.streamNorm(mlp_output_norm, `${place}.mlp_output_norm`, mlp.output),
    }),
    ...(residual_multiplier !== undefined && { residual_multiplier }),
    ...(attn.ref && { attn_shortcut_Q: attn.ref }),
    ...(mlp.ref && { mlp_shortcut_Q: mlp.ref }),
  };
  return { layer, output: mlp.output };
}

/** The matrix beside a branch, and the size of the stream behind it. */
function shortcut(
  weights: DescribedWeights,
  name: string | undefined,
  input: number,
): { ref?: WeightRef; output: number } {
  if (name === undefined) return { output: input };
  const ref = weights.takeProjection(name, input);
  return { ref, output: ref.shape[1] };
}

function norms(
  weights: DescribedWeights,
  { parallel, input_layernorm: first, post_attention_layernorm: second }: LayerDescription,
  place: string,
  input: number,
  middle: number,
): Pick<DecoderLayer, 'input_layernorm' | 'post_attention_layernorm'> {
  const input_layernorm = first && weights.streamNorm(first, `${place}.input_layernorm`, input);
  if (second === 'input_layernorm') {
    if (parallel && input_layernorm) return { input_layernorm, post_attention_layernorm: input_layernorm };
    const found = 'The layer shares its input_layernorm, which only a parallel layer that has one can.';
    throw weights.contradiction(`${place}.post_attention_layernorm`, found, 'a norm of its own');
  }
  return {
    ...(input_layernorm && { input_layernorm }),
    ...(second && {
      post_attention_layernorm: weights.streamNorm(second, `${place}.post_attention_layernorm`, middle),
    }),
  };
}

function buildAttention(
  weights: DescribedWeights,
  from: AttentionDescription,
  layer: string,
  input: number,
  output: number,
): Attention {
  const { num_attention_heads, num_key_value_heads, head_dim, q_norm, k_norm, rotary, ...rest } = from;
  const place = `${layer}.attention`;
  const query = num_attention_heads * head_dim;
  const keyValue = num_key_value_heads * head_dim;
  if (num_attention_heads % num_key_value_heads !== 0) {
    const found = `${num_attention_heads} query heads share ${num_key_value_heads} key heads.`;
    throw weights.contradiction(`${place}.num_key_value_heads`, found, 'a divisor of num_attention_heads');
  }
  if (from.alibi_slopes && from.alibi_slopes.length !== num_attention_heads) {
    const found = `${from.alibi_slopes.length} slopes are given for ${num_attention_heads} heads.`;
    throw weights.contradiction(`${place}.alibi_slopes`, found, 'one slope a head');
  }
  return {
    ...rest,
    q_proj: weights.linear(from.q_proj, query, input),
    k_proj: weights.linear(from.k_proj, keyValue, input),
    v_proj: weights.linear(from.v_proj, keyValue, input),
    o_proj: weights.linear(from.o_proj, output, query),
    num_attention_heads,
    num_key_value_heads,
    head_dim,
    ...(rotary !== undefined && { rotary: rotaryOf(weights, rotary, head_dim, `${place}.rotary`) }),
    ...(q_norm && { q_norm: weights.headNorm(q_norm, `${place}.q_norm`, head_dim, query) }),
    ...(k_norm && { k_norm: weights.headNorm(k_norm, `${place}.k_norm`, head_dim, keyValue) }),
  };
}

function rotaryOf(weights: DescribedWeights, index: number, head_dim: number, place: string): Rotary {
  const { rotary } = weights.description;
  const found = rotary[index];
  if (!found) throw weights.contradiction(place, `rotary is ${index}.`, `an index below ${rotary.length}`);
  if (found.dim <= head_dim) return found;
  throw weights.contradiction(place, `It turns ${found.dim} elements of a head.`, `at most ${head_dim}`);
}

function buildMlp(
  weights: DescribedWeights,
  from: LayerDescription['mlp'],
  place: string,
  input: number,
  output: number,
): Mlp {
  const { gate_proj, up_proj, down_proj, activation, xielu } = from;
  if ((activation === 'xielu') !== (xielu !== undefined) || (xielu && gate_proj)) {
    const found = `The activation is ${activation}, ${xielu ? 'with' : 'without'} parameters${gate_proj ? ', behind a gate' : ''}.`;
    throw weights.contradiction(
      `${place}.mlp`,
      found,
      'xielu with its parameters and without a gate, or another without',
    );
  }
  // Channels may differ from layer to layer: as many as the tensor has.
  const intermediate_size = weights.rowsOf(up_proj.weight);
  return {
    ...(gate_proj && { gate_proj: weights.linear(gate_proj, intermediate_size, input) }),
    up_proj: weights.linear(up_proj, intermediate_size, input),
    down_proj: weights.linear(down_proj, output, intermediate_size),
    activation,
    ...(xielu && {
      xielu: {
        alpha_p: weights.take(xielu.alpha_p, [1]),
        alpha_n: weights.take(xielu.alpha_n, [1]),
        ...(xielu.beta !== undefined && { beta: weights.take(xielu.beta, [1]) }),
        ...(xielu.eps !== undefined && { eps: weights.take(xielu.eps, [1]) }),
      },
    }),
  };
}
