/**
 * @file The basis of the embedding site. For most heads it is the PCA of the embedded calibration tokens; `tied-sliced`
 * also has to serve the head, so the table's own Gram counts as much as the tokens' covariance (DESIGN.md, *Head*).
 */
import { trace } from '../../backend/linalg/dominant.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import type { HeadKind } from './plan.ts';
import { knownCovariance, type SiteCovariance } from './site_covariance.ts';
import { tableGram } from './table_gram.ts';

export interface FirstCovariance {
  /** What the first basis is the PCA of. */
  covariance: SiteCovariance;
  /** EᵀE of the uncentred table; only for `tied-sliced`. */
  tableGram?: Float64Array;
}

/** @param tokens Covariance of the embedded calibration tokens. */
export async function firstCovariance(
  arena: Arena,
  model: DecoderModel,
  head: HeadKind,
  tokens: SiteCovariance,
): Promise<FirstCovariance> {
  if (head !== 'tied-sliced') return { covariance: tokens };
  const { H, size: D, lost } = tokens;
  const gram = await tableGram(arena, model.embed_tokens);
  const table = model.embed_tokens.centered ? centredGram(gram, D) : gram;
  const scaleTokens = 1 / trace(H, D);
  const scaleTable = 1 / trace(table, D);
  const joint = new Float64Array(D * D);
  for (let i = 0; i < D; i++) {
    for (let j = i; j < D; j++) {
      joint[i * D + j] = H[i * D + j] * scaleTokens + table[i * D + j] * scaleTable;
      joint[j * D + i] = joint[i * D + j];
    }
  }
  arena.free(tokens.held);
  return { covariance: await knownCovariance(arena, joint, D, lost), tableGram: gram };
}

/** C·G·C with C = I − 11ᵀ/n, from and into the upper triangle. */
export function centredGram(gram: Float64Array, n: number): Float64Array {
  const at = (row: number, column: number) => (row <= column ? gram[row * n + column] : gram[column * n + row]);
  const mean = new Float64Array(n);
  for (let row = 0; row < n; row++) for (let column = 0; column < n; column++) mean[row] += at(row, column) / n;
  const all = mean.reduce((sum, value) => sum + value, 0) / n;
  const centred = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    for (let column = row; column < n; column++)
      centred[row * n + column] = at(row, column) - mean[row] - mean[column] + all;
  }
  return centred;
}
