/** @file Wanda (arXiv 2306.11695): of each output's weights those go whose |w|·‖x‖ is lowest. */
import * as v from 'valibot';
import { planLinears } from '../layerwise/plan_linears.ts';
import { layerwise } from '../layerwise.ts';
import type { LinearMethod } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { maskRule, PATTERN, REPAIR, type RepairOptions, SPARSITY, sparsePacking } from '../options/sparsity.ts';
import { maskedLeastSquares } from '../solvers/masked_least_squares.ts';
import { keepHighest, masked } from '../solvers/masks.ts';

const linears: LinearMethod<RepairOptions> = {
  statistics: ({ repair }) => (repair ? ['gram'] : ['diagonal']),
  async change({ W, rows, columns }, { diagonal, gram }, options, { signal, multiply }) {
    const norms = (diagonal as Float64Array).map(Math.sqrt);
    const scores = W.map((value, i) => Math.abs(value) * norms[i % columns]);
    const mask = keepHighest(scores, rows, columns, maskRule(options), false);
    const values =
      options.repair && gram
        ? await maskedLeastSquares(W, rows, columns, mask, gram, { signal, multiply })
        : masked(W, mask);
    return { packing: sparsePacking(options, [rows, columns], false), rows, columns, values, mask };
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
  plan: (model, options) => planLinears(model, ({ shape }) => sparsePacking(options, shape, false)),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
