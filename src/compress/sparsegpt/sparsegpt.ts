/** @file SparseGPT (arXiv 2301.00774): weights go where they cost least once the others may make up for them. */
import * as v from 'valibot';
import type { Floats, Sparse } from '../../models/packed/packing.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import { layerwise } from '../layerwise.ts';
import { type LinearMethod, readsOf } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { maskRule, PATTERN, REPAIR, type RepairOptions, SPARSITY } from '../options/sparsity.ts';
import { maskedLeastSquares } from '../solvers/masked_least_squares.ts';
import { sparseValues } from '../solvers/packed_values.ts';
import { sparseGpt as solve, sparseGptKept } from '../solvers/sparsegpt.ts';

function packingOf(options: RepairOptions, rows: number, columns: number, floats: Floats): Sparse {
  const kept = sparseGptKept(rows, columns, maskRule(options));
  return { kind: 'sparse', places: options.pattern === '2:4' ? '2:4' : 'bitmap', kept, floats };
}

const linears: LinearMethod<RepairOptions> = {
  statistics: () => ['gram'],
  async change({ W, rows, columns, use }, { gram }, options, { linalg }) {
    const inputs = gram as Float64Array;
    const { values, dropped } = await solve(W, rows, columns, inputs, maskRule(options), linalg);
    const kept = options.repair ? await maskedLeastSquares(W, rows, columns, dropped, inputs, linalg) : values;
    return sparseValues(kept, dropped, rows, columns, packingOf(options, rows, columns, use.floats));
  },
};

export const sparsegpt: Method<RepairOptions> = {
  name: 'sparsegpt',
  about: {
    label: 'SparseGPT',
    paper: 'arXiv 2301.00774',
    group: 'prune',
    help: 'Weights become zero where the rest can make up for them, and the rest does. Saves storage and multiplications that few runtimes take advantage of.',
  },
  options: v.strictObject({ sparsity: SPARSITY, pattern: PATTERN, repair: REPAIR }),
  takes: ['correct'],
  refusal: () => undefined,
  plan: (model, options) =>
    planLinears(model, ({ shape: [rows, columns] }, { floats }) => packingOf(options, rows, columns, floats)),
  reads: readsOf(linears),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
