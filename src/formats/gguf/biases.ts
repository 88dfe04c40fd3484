/**
 * @file Biases that a layer lacks though others of their kind are there. llama.cpp takes each for optional and adds none; a
 * Hugging Face config knows them all or none, so a missing one is a row of zeros, which adds nothing either.
 */
import type { TensorView } from './checkpoint.ts';
import type { GgufFamily } from './families.ts';

export const ATTENTION_BIASES: readonly string[] = ['attn_q', 'attn_k', 'attn_v', 'attn_output'];
export const MLP_BIASES: readonly string[] = ['ffn_gate', 'ffn_up', 'ffn_down'];

export interface BiasKinds {
  readonly attention_bias?: unknown;
  readonly mlp_bias?: unknown;
}

/**
 * Views of zeros for the biases that `config` calls for and `views` lack, and warnings that say so; none where the family's
 * biases are not optional.
 */
export function missingBiases(
  family: GgufFamily,
  views: readonly TensorView[],
  { attention_bias, mlp_bias }: BiasKinds,
): { views: TensorView[]; warnings: string[] } {
  if (!family.optional_biases) return { views: [], warnings: [] };
  const stems = [...(attention_bias === true ? ATTENTION_BIASES : []), ...(mlp_bias === true ? MLP_BIASES : [])];
  const kinds = new Set(stems.map((stem) => family.inner[stem]));
  const there = new Set(views.map(({ name }) => name));
  const zeros: TensorView[] = [];
  for (const { name, tensor, shape } of views) {
    const linear = name.replace(/\.weight$/, '');
    const bias = `${linear}.bias`;
    const inner = linear.startsWith(family.layers) ? linear.slice(family.layers.length).replace(/^\d+\./, '') : linear;
    if (linear === name || !kinds.has(inner) || there.has(bias)) continue;
    zeros.push({ name: bias, tensor, shape: [shape[0]], undo: { zeros: true } });
  }
  if (zeros.length === 0) return { views: [], warnings: [] };
  const names = zeros.slice(0, 3).map(({ name }) => name);
  const more = zeros.length > 3 ? ` and ${zeros.length - 3} more` : '';
  return {
    views: zeros,
    warnings: [`Biases that the file does not have are taken as zero, as llama.cpp does: ${names.join(', ')}${more}.`],
  };
}
