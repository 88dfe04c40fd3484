/** @file Wanda (arXiv 2306.11695): of each output's weights those go whose |w|·‖x‖ is lowest. */
import * as v from 'valibot';
import { planLinears } from '../layerwise/plan_linears.ts';
import { layerwise } from '../layerwise.ts';
import { type LinearMethod, readsOf } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { maskRule, PATTERN, REPAIR, type RepairOptions, SPARSITY, sparsePacking } from '../options/sparsity.ts';
import { maskedLeastSquares } from '../solvers/masked_least_squares.ts';
import { lowestScores, wandaScores } from '../solvers/masks.ts';
import { sparseValues } from '../solvers/packed_values.ts';

const linears: LinearMethod<RepairOptions> = {
  statistics: ({ repair }) => (repair ? ['gram'] : ['diagonal']),
  async change({ W, rows, columns, use }, { diagonal, gram }, options, { linalg }) {
    const { share, pattern = 'row' } = maskRule(options);
    const dropped = lowestScores(wandaScores(W, columns, diagonal as Float64Array), rows, columns, share, pattern);
    const kept = options.repair && gram ? await maskedLeastSquares(W, rows, columns, dropped, gram, linalg) : W;
    return sparseValues(kept, dropped, rows, columns, sparsePacking(options, [rows, columns], use.floats, false));
  },
};

export const wanda: Method<RepairOptions> = {
  name: 'wanda',
  about: {
    label: 'Wanda',
    paper: 'arXiv 2306.11695',
    group: 'prune',
    help: 'Of every output, the weights become zero that are small and whose inputs are small. One pass over the text.',
  },
  options: v.strictObject({ sparsity: SPARSITY, pattern: PATTERN, repair: REPAIR }),
  takes: ['correct'],
  refusal: () => undefined,
  plan: (model, options) => planLinears(model, ({ shape }, { floats }) => sparsePacking(options, shape, floats, false)),
  reads: readsOf(linears),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
