/**
 * @file Names of the weights of a canonical model when it is written: Llama's, as Hugging Face has them, whatever family it
 * came from, and SliceGPT's for shortcuts. A weight with two uses has one name, that of its first use.
 */
import type { DecoderLayer, DecoderModel, Linear, Norm, WeightRef } from '../decoder_model.ts';

type Named = readonly [name: string, ref: WeightRef | undefined];

/** Every distinct weight with its name, in model order. */
export function weightNames(model: DecoderModel): Map<WeightRef, string> {
  const { embed_tokens, lm_head } = model;
  const named: Named[] = [
    ['model.embed_tokens.weight', embed_tokens.weight],
    ...normNames('model.embed_layernorm', embed_tokens.norm),
    ['model.embed_tokens.projection', embed_tokens.projection],
    ['model.embed_positions.weight', embed_tokens.positions?.weight],
    ...model.layers.flatMap(layerNames),
    ...normNames('model.norm', model.norm),
    ['lm_head.projection', lm_head.projection],
    ['lm_head.weight', lm_head.weight],
    ['lm_head.bias', lm_head.bias],
  ];
  const names = new Map<WeightRef, string>();
  for (const [name, ref] of named) if (ref && !names.has(ref)) names.set(ref, name);
  return names;
}

function layerNames(layer: DecoderLayer): Named[] {
  const prefix = `model.layers.${layer.index}`;
  const { attention, mlp } = layer;
  return [
    ...normNames(`${prefix}.input_layernorm`, layer.input_layernorm),
    ...linearNames(`${prefix}.self_attn.q_proj`, attention.q_proj),
    ...linearNames(`${prefix}.self_attn.k_proj`, attention.k_proj),
    ...linearNames(`${prefix}.self_attn.v_proj`, attention.v_proj),
    ...normNames(`${prefix}.self_attn.q_norm`, attention.q_norm),
    ...normNames(`${prefix}.self_attn.k_norm`, attention.k_norm),
    ...linearNames(`${prefix}.self_attn.o_proj`, attention.o_proj),
    ...normNames(`${prefix}.attention_output_norm`, layer.attention_output_norm),
    [`${prefix}.attn_shortcut_Q`, layer.attn_shortcut_Q],
    ...normNames(`${prefix}.post_attention_layernorm`, layer.post_attention_layernorm),
    ...linearNames(`${prefix}.mlp.gate_proj`, mlp.gate_proj),
    ...linearNames(`${prefix}.mlp.up_proj`, mlp.up_proj),
    ...linearNames(`${prefix}.mlp.down_proj`, mlp.down_proj),
    ...(['alpha_p', 'alpha_n', 'beta', 'eps'] as const).map(
      (part): Named => [`${prefix}.mlp.act_fn.${part}`, mlp.xielu?.[part]],
    ),
    ...normNames(`${prefix}.mlp_output_norm`, layer.mlp_output_norm),
    [`${prefix}.mlp_shortcut_Q`, layer.mlp_shortcut_Q],
  ];
}

function normNames(name: string, norm: Norm | undefined): Named[] {
  return [
    [`${name}.weight`, norm?.weight],
    [`${name}.bias`, norm?.bias],
  ];
}

function linearNames(name: string, linear: Linear | undefined): Named[] {
  return [
    [`${name}.weight`, linear?.weight],
    [`${name}.bias`, linear?.bias],
  ];
}
