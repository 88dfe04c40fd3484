/** @file How many units a layer keeps, and what it and the model look like then: the same for plans and for the real thing. */
import type { Attention, DecoderLayer, DecoderModel, Linear, Mlp } from '../../models/decoder_model.ts';
import type { HalfName } from '../layerwise/half.ts';

/** Units of each layer that stay. */
export type Kept = Readonly<Record<HalfName, number>>;

/** Key-value groups with their query heads, or channels of the MLP. */
export function unitCount<W>(
  { attention, mlp }: DecoderLayer<W>,
  half: HalfName,
  columns: (weight: W) => number,
): number {
  return half === 'attention' ? attention.num_key_value_heads : columns(mlp.down_proj.weight);
}

/** Units that go of `count`; one stays at least. Halves go to the even number, as in the reference. */
export function goneUnits(keep: number, count: number): number {
  return Math.min(count - 1, roundHalfEven((1 - keep) * count));
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  // 0.2 · 5 is a little less than 1 after 1 − 0.8.
  const rest = Math.round((value - floor) * 1e9) / 1e9;
  if (rest !== 0.5) return rest > 0.5 ? floor + 1 : floor;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** @param linears Those of the half, each with fewer rows or columns. @param kept Units, rising. */
export function prunedAttention<W>(
  attention: Attention<W>,
  linears: Pick<Attention<W>, 'q_proj' | 'k_proj' | 'v_proj' | 'o_proj'>,
  kept: readonly number[],
): Attention<W> {
  const { num_attention_heads, num_key_value_heads, alibi_slopes } = attention;
  const shared = num_attention_heads / num_key_value_heads;
  return {
    ...attention,
    ...linears,
    num_attention_heads: kept.length * shared,
    num_key_value_heads: kept.length,
    ...(alibi_slopes && {
      alibi_slopes: kept.flatMap((group) => alibi_slopes.slice(group * shared, (group + 1) * shared)),
    }),
  };
}

export type MlpLinears<W> = { gate_proj?: Linear<W>; up_proj: Linear<W>; down_proj: Linear<W> };

export function prunedMlp<W>(mlp: Mlp<W>, linears: MlpLinears<W>): Mlp<W> {
  return { ...mlp, ...linears };
}

/** The model with these layers; its config has their sizes where all of them are alike. */
export function withLayers<W extends { readonly shape: readonly number[] }>(
  model: DecoderModel<W>,
  layers: readonly DecoderLayer<W>[],
): DecoderModel<W> {
  const same = (of: (layer: DecoderLayer<W>) => number, otherwise: number) => {
    const sizes = new Set(layers.map(of));
    return sizes.size === 1 ? [...sizes][0] : otherwise;
  };
  const { config } = model;
  const heads =
    new Set(layers.map(({ attention: a }) => `${a.num_attention_heads} ${a.num_key_value_heads}`)).size === 1;
  return {
    ...model,
    layers,
    config: {
      ...config,
      num_hidden_layers: layers.length,
      intermediate_size: same(({ mlp }) => mlp.up_proj.weight.shape[0], config.intermediate_size),
      ...(heads && {
        num_attention_heads: layers[0].attention.num_attention_heads,
        num_key_value_heads: layers[0].attention.num_key_value_heads,
      }),
    },
  };
}
