/** @file Magnitude pruning: the weights that are closest to zero go, wherever in the matrix they are. */
import * as v from 'valibot';
import { planLinears } from '../layerwise/plan_linears.ts';
import { layerwise } from '../layerwise.ts';
import type { LinearMethod } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { maskRule, PATTERN, SPARSITY, type SparsityOptions, sparsePacking } from '../options/sparsity.ts';
import { lowestScores, magnitudeScores } from '../solvers/masks.ts';
import { sparseValues } from '../solvers/packed_values.ts';

const linears: LinearMethod<SparsityOptions> = {
  statistics: () => [],
  change({ W, rows, columns, use }, _, options) {
    const { share, pattern = 'matrix' } = maskRule(options);
    const dropped = lowestScores(magnitudeScores(W), rows, columns, share, pattern);
    return sparseValues(W, dropped, rows, columns, sparsePacking(options, [rows, columns], use.floats, true));
  },
};

export const magnitude: Method<SparsityOptions> = {
  name: 'magnitude',
  about: {
    label: 'Magnitude',
    group: 'prune',
    help: 'The smallest weights of every linear become zero. Needs no text; the yardstick of pruning, which looks at no inputs.',
  },
  options: v.strictObject({ sparsity: SPARSITY, pattern: PATTERN }),
  takes: ['correct'],
  refusal: () => undefined,
  plan: (model, options) => planLinears(model, ({ shape }, { floats }) => sparsePacking(options, shape, floats, true)),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
