/**
 * @file What slicing will cost, from shapes alone: dimension, parameters and bytes of a sliced model, part by part.
 * Pure, so that the studio can redraw it at every move of the slider. Formulas: SliceGPT §7 counts, DESIGN.md *Head*.
 */
import { WhittleError } from '../../errors/errors.ts';

export type Schedule = 'sequential' | 'rotate-once';
export type Fusion = 'exact' | 'official';
export type HeadKind = 'untied' | 'sliced' | 'tied' | 'tied-sliced';

export const HEAD_KINDS: readonly HeadKind[] = ['untied', 'sliced', 'tied', 'tied-sliced'];

/** The sizes that a parameter count depends on, and what the dense file stores. */
export interface ModelShape {
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  /** heads · head_dim, and kv_heads · head_dim. */
  query_size: number;
  key_value_size: number;
  vocab_size: number;
  tied: boolean;
  attention_bias: { q: boolean; k: boolean; v: boolean; o: boolean };
  mlp_bias: { gate: boolean; up: boolean; down: boolean };
  /** Bytes per element that sliced weights are stored with. */
  bytes_per_element: number;
  dense: PartSizes;
}

/** Elements of each part of a model. */
export interface PartSizes {
  embedding: number;
  attention: number;
  mlp: number;
  shortcuts: number;
  norms: number;
  /** The head's own matrices; zero where it shares the embedding. */
  head: number;
}

export function totalElements(parts: PartSizes): number {
  return parts.embedding + parts.attention + parts.mlp + parts.shortcuts + parts.norms + parts.head;
}

/** Kept dimension: `int((1 − s)·D)` rounded down to a multiple of `round`. Throws `bad_option`. */
export function sliceDimension(hiddenSize: number, sparsity: number, round: number): number {
  if (!(sparsity >= 0 && sparsity < 1)) {
    throw new WhittleError({
      code: 'bad_option',
      message: `Sparsity is ${sparsity}.`,
      place: { field: 'sparsity' },
      allowed: 'a share from 0 (keep everything) up to, but not including, 1',
      action: 'For 25 % write 0.25.',
    });
  }
  if (!Number.isInteger(round) || round < 1) {
    throw new WhittleError({
      code: 'bad_option',
      message: `The rounding interval is ${round}.`,
      place: { field: 'round' },
      allowed: 'a whole number, at least 1',
    });
  }
  // The small constant keeps (1 − 0.3)·10 = 6.999… from losing a dimension to binary fractions.
  const kept = Math.floor((1 - sparsity) * hiddenSize + 1e-9);
  const dimension = kept - (kept % round);
  if (dimension < 1) {
    throw new WhittleError({
      code: 'bad_option',
      message: `Sparsity ${sparsity} would keep ${kept} of ${hiddenSize} dimensions, which rounds down to none at a multiple of ${round}.`,
      place: { field: 'sparsity' },
      allowed: `a sparsity that keeps at least ${round} dimensions`,
      action: 'Lower the sparsity or the rounding interval.',
    });
  }
  return dimension;
}

/** The same dimension at every site; the last stays whole unless the head is sliced (slicegpt.md §4, step 4). */
export function constantDimensions(layers: number, hiddenSize: number, dimension: number, head: HeadKind): number[] {
  const sites = new Array<number>(2 * layers + 1).fill(dimension);
  sites[2 * layers] = head === 'sliced' ? dimension : hiddenSize;
  return sites;
}

/** `auto` ties where the model ties, else unties. Throws `bad_option` for a tied head on an untied model. */
export function resolveHead(head: HeadKind | 'auto', tied: boolean): HeadKind {
  if (head === 'auto') return tied ? 'tied' : 'untied';
  if (!tied && (head === 'tied' || head === 'tied-sliced')) {
    throw new WhittleError({
      code: 'bad_option',
      message: `Head "${head}" was asked for, but this model's head is a matrix of its own.`,
      place: { field: 'head' },
      allowed: 'untied, sliced or auto',
    });
  }
  return head;
}

/** Elements of the sliced model by part. */
export function slicedParts(shape: ModelShape, dimension: number, head: HeadKind): PartSizes {
  const {
    hidden_size: D,
    intermediate_size: F,
    num_hidden_layers: L,
    query_size: q,
    key_value_size: kv,
    vocab_size: V,
  } = shape;
  const d = dimension;
  const parts: PartSizes = { embedding: 0, attention: 0, mlp: 0, shortcuts: 0, norms: 0, head: 0 };
  for (let layer = 0; layer < L; layer++) {
    const out = layer === L - 1 && head !== 'sliced' ? D : d;
    parts.attention += q * d + 2 * kv * d + d * q;
    parts.mlp += 2 * F * d + out * F;
    parts.shortcuts += d * d + d * out;
    const { attention_bias: a, mlp_bias: m } = shape;
    parts.attention += (a.q ? q : 0) + (a.k ? kv : 0) + (a.v ? kv : 0) + (a.o ? d : 0);
    parts.mlp += (m.gate ? F : 0) + (m.up ? F : 0) + (m.down ? out : 0);
  }
  switch (head) {
    case 'untied':
      parts.embedding = V * d;
      parts.head = V * D;
      break;
    case 'sliced':
      parts.embedding = V * d;
      parts.head = V * d;
      break;
    case 'tied': // one original table, entered through a (D, d) projection; the final norm keeps its weight
      parts.embedding = V * D + D * d;
      parts.norms = D;
      break;
    case 'tied-sliced': // one (V, d) table, left through a (D, d) projection
      parts.embedding = V * d;
      parts.head = D * d;
      break;
  }
  return parts;
}
