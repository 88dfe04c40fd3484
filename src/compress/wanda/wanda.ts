/** @file Wanda (arXiv 2306.11695): of each output's weights those go whose |w|·‖x‖ is lowest. */
import * as v from 'valibot';
import { planLinears } from '../layerwise/plan_linears.ts';
import { layerwise } from '../layerwise.ts';
import type { LinearMethod } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { maskRule, PATTERN, SPARSITY, type SparsityOptions, sparsePacking } from '../options/sparsity.ts';
import { lowestScores, wandaScores } from '../solvers/masks.ts';
import { sparseValues } from '../solvers/packed_values.ts';

const linears: LinearMethod<SparsityOptions> = {
  statistics: () => ['diagonal'],
  change({ W, rows, columns, use }, { diagonal }, options) {
    const { share, pattern = 'row' } = maskRule(options);
    const dropped = lowestScores(wandaScores(W, columns, diagonal as Float64Array), rows, columns, share, pattern);
    return sparseValues(W, dropped, rows, columns, sparsePacking(options, [rows, columns], use.floats, false));
  },
};

export const wanda: Method<SparsityOptions> = {
  name: 'wanda',
  about: {
    label: 'Wanda',
    paper: 'arXiv 2306.11695',
    group: 'prune',
    help: 'Of every output, the weights become zero that are small and whose inputs are small. One pass over the text.',
  },
  options: v.strictObject({ sparsity: SPARSITY, pattern: PATTERN }),
  takes: ['correct'],
  refusal: () => undefined,
  plan: (model, options) => planLinears(model, ({ shape }, { floats }) => sparsePacking(options, shape, floats, false)),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
