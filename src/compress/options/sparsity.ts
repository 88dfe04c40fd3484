/** @file Options that every method of pruning single weights has, and the packing that they mean for a weight. */

import type { Floats, Sparse } from '../../models/packed/packing.ts';
import { keptOfRow } from '../../models/packed/parts.ts';
import type { Shape } from '../../tensor/shape.ts';
import { flag, maybe, number } from './fields.ts';

export interface SparsityOptions {
  readonly sparsity: number;
  readonly pattern?: '2:4' | '4:8' | undefined;
}

export const SPARSITY = number(
  { label: 'Sparsity', help: 'Share of the weights that become zero. A pattern, where it is given, takes its place.' },
  { min: 0, max: 0.99, value: 0.5 },
);

export const PATTERN = maybe(
  {
    label: 'Pattern',
    help: 'n:m – of every m consecutive inputs n become zero, which hardware can use; a little worse than the same share anywhere.',
  },
  ['2:4', '4:8'],
);

/** What goes: `n` of every `m` inputs, or a share of the weights. */
export interface MaskRule {
  readonly share: number;
  readonly pattern?: { readonly n: number; readonly m: number };
}

export function maskRule({ sparsity, pattern }: SparsityOptions): MaskRule {
  if (!pattern) return { share: sparsity };
  const [n, m] = pattern.split(':').map(Number);
  return { share: n / m, pattern: { n, m } };
}

/** @param whole The lowest of the whole matrix go; else of each row. */
export function sparsePacking(
  options: SparsityOptions,
  [rows, columns]: Shape,
  floats: Floats,
  whole: boolean,
): Sparse {
  const { share, pattern } = maskRule(options);
  const places = options.pattern === '2:4' ? '2:4' : 'bitmap';
  if (pattern) return { kind: 'sparse', places, kept: rows * keptOfRow(columns, pattern.n, pattern.m), floats };
  const gone = whole ? Math.floor(rows * columns * share) : rows * Math.floor(columns * share);
  return { kind: 'sparse', places, kept: rows * columns - gone, floats };
}

export interface RepairOptions extends SparsityOptions {
  readonly repair: boolean;
}

export const REPAIR = flag(
  {
    label: 'Repair',
    help: 'The weights that stay are fitted anew to what the linear put out, by least squares for each output: the best that any update can do. Slow on large layers.',
  },
  false,
);
