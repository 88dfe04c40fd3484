/** @file SparseGPT (arXiv 2301.00774): weights go where they cost least once the others may make up for them. */
import * as v from 'valibot';
import { planLinears } from '../layerwise/plan_linears.ts';
import { layerwise } from '../layerwise.ts';
import type { LinearMethod } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { maskRule, PATTERN, prunedPacking, REPAIR, type RepairOptions, SPARSITY } from '../options/sparsity.ts';
import { maskedLeastSquares } from '../solvers/masked_least_squares.ts';
import { sparseGpt as solve, sparseGptKept } from '../solvers/sparsegpt.ts';

const linears: LinearMethod<RepairOptions> = {
  statistics: () => ['gram'],
  async change({ W, rows, columns }, { gram }, options, { signal, multiply }) {
    const work = { signal, multiply };
    const inputs = gram as Float64Array;
    const { values, mask } = await solve(W, rows, columns, inputs, maskRule(options), work);
    const kept = options.repair ? await maskedLeastSquares(W, rows, columns, mask, inputs, work) : values;
    const packing = prunedPacking(options, sparseGptKept(rows, columns, maskRule(options)));
    return { packing, rows, columns, values: kept, mask };
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
    planLinears(model, ({ shape: [rows, columns] }) =>
      prunedPacking(options, sparseGptKept(rows, columns, maskRule(options))),
    ),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
