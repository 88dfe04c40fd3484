/** @file What the families with LayerNorm share. A family's file says what differs. */
import * as v from 'valibot';
import { bad, describeValue, type RawConfig } from '../../formats/hf/config.ts';
import type { DecoderConfig } from '../architecture.ts';
import { activationOf } from '../config_fields.ts';
import type { ModelConfig } from '../decoder_model.ts';

/** Masks and frequencies that older versions of transformers stored with the weights. */
export const STORED_BUFFERS = /\.(attn|attention|self_attn|self_attention)\.(bias|masked_bias|rotary_emb\.inv_freq)$/;

export const activationName = (fallback: string) => v.nullish(v.string('the name of an activation'), fallback);

export interface LayerNormOptions {
  readonly eps: number;
  readonly activation: { readonly name: string; readonly field: string };
  /** Which linears have biases. */
  readonly bias: { readonly qkv: boolean; readonly o: boolean; readonly mlp: boolean };
  readonly gated?: boolean;
}

/** Everything but the layers, from sizes that were checked. Throws `unknown_architecture` for an unknown activation. */
export function layerNormConfig(
  model: ModelConfig,
  { eps, activation, bias: { qkv, o, mlp }, gated = false }: LayerNormOptions,
  file: string,
): Omit<DecoderConfig, 'layers'> {
  return {
    ...model,
    norm: { kind: 'layer_norm', eps, bias: true },
    attention: { bias: { q: qkv, k: qkv, v: qkv, o }, scale: 1 / Math.sqrt(model.head_dim) },
    mlp: {
      gated,
      activation: activationOf(activation.name, activation.field, file),
      bias: { gate: mlp, up: mlp, down: mlp },
    },
  };
}

/**
 * A config whose keys have two spellings: what stands only under the other name is given the family's own. Throws
 * `bad_config` where both are there and differ.
 */
export function respelled(raw: RawConfig, others: Readonly<Record<string, string>>, file: string): RawConfig {
  const added: [string, unknown][] = [];
  for (const [own, other] of Object.entries(others)) {
    if (raw[other] === undefined) continue;
    if (raw[own] === undefined) added.push([own, raw[other]]);
    else if (raw[own] !== raw[other]) {
      const found = `${own} is ${describeValue(raw[own])}, and ${other}, another name for it, is ${describeValue(raw[other])}.`;
      throw bad(file, found, own, 'one of the two, or the same value in both');
    }
  }
  return { ...raw, ...Object.fromEntries(added) };
}
