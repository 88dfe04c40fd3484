/**
 * @file The places of the residual stream that get a basis. A sequential model has 2L + 1: 0 is the embedding, 2l + 1 the
 * MLP input of layer l, 2l + 2 its output. A parallel one has L + 1: 0 and the output of each layer (slicegpt.md §4, §5).
 */

/** Kept dimension of every site, in order. */
export type SiteDimensions = readonly number[];

export interface Site {
  index: number;
  /** For people. */
  label: string;
  /** The layer that ends or continues there; absent for the embedding. */
  layer?: number;
}

interface Blocks {
  num_hidden_layers: number;
  parallel: boolean;
}

export function siteCount({ num_hidden_layers: L, parallel }: Blocks): number {
  return parallel ? L + 1 : 2 * L + 1;
}

export const EMBEDDING_SITE: Site = { index: 0, label: 'embedding' };

/** Where the MLP of a sequential layer reads. */
export function middleSite(layer: number): Site {
  return { index: 2 * layer + 1, label: `layer ${layer} MLP input`, layer };
}

export function outputSite(layer: number, parallel: boolean): Site {
  return { index: parallel ? layer + 1 : 2 * layer + 2, label: `layer ${layer} output`, layer };
}

/** What a layer writes into, and what it reads: the output of the layer before, or the embedding. */
export function inputSite(layer: number, parallel: boolean): Site {
  return layer === 0 ? EMBEDDING_SITE : outputSite(layer - 1, parallel);
}
