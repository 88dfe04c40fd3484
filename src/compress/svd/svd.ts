/**
 * @file Low rank: the truncated SVD, plain, whitened by what the linear reads (SVD-LLM, arXiv 2403.07378), or towards what the
 * dense model's own inputs would give (SAES-SVD, arXiv 2602.03051; its weight is the same for every linear here).
 */
import * as v from 'valibot';
import type { Floats } from '../../models/packed/packing.ts';
import type { Shape } from '../../tensor/shape.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import { layerwise } from '../layerwise.ts';
import { type LinearMethod, readsOf } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { flag, number } from '../options/fields.ts';
import { againstDrift, deltaGram } from '../solvers/drift.ts';
import { floored, lowRank, rankOf } from '../solvers/low_rank.ts';
import { lowRankValues } from '../solvers/packed_values.ts';

interface Options {
  readonly keep: number;
  readonly whitened: boolean;
  readonly delta: boolean;
  readonly beta: number;
}

const packingOf = ({ keep }: Options, [rows, columns]: Shape, floats: Floats) =>
  ({ kind: 'low_rank', rank: rankOf(keep, rows, columns), floats }) as const;

const linears: LinearMethod<Options> = {
  statistics: ({ whitened, delta }) => (delta ? ['gram', 'cross'] : whitened ? ['gram'] : []),
  async change({ W, rows, columns, use }, statistics, options, { linalg }) {
    const packing = packingOf(options, [rows, columns], use.floats);
    const { gram } = statistics;
    const delta = options.delta ? deltaGram(statistics) : undefined;
    const target =
      gram && delta ? await againstDrift(W, rows, columns, floored(gram, columns), delta, options.beta, linalg) : W;
    const pair = await lowRank(
      target,
      rows,
      columns,
      packing.rank,
      options.whitened || options.delta ? gram : undefined,
      linalg,
    );
    return lowRankValues(pair, rows, columns, packing);
  },
};

export const svd: Method<Options> = {
  name: 'svd',
  about: {
    label: 'Low rank',
    paper: 'arXiv 2403.07378',
    group: 'factor',
    help: 'Every linear as a product of two thin ones. Saves bytes and multiplications alike, and costs more than integers of the same size; a rank below half the width is needed to save anything.',
  },
  options: v.strictObject({
    keep: number(
      { label: 'Keep', help: 'Share of the elements of a linear that its two factors have together.' },
      { min: 0.01, max: 1, value: 0.8 },
    ),
    whitened: flag(
      {
        label: 'Whitened',
        help: 'The best factors for what the linear puts out on the text, not for the weights themselves.',
      },
      true,
    ),
    delta: flag(
      {
        label: 'Drift',
        help: 'The factors aim at what the dense model’s own inputs would give (SAES-SVD, arXiv 2602.03051), whitened in any case. The text goes through the dense model, too.',
      },
      false,
    ),
    beta: number(
      {
        label: 'Share of the drift',
        help: 'How much of the way to the dense model’s inputs delta aims; 1: all of it.',
      },
      { min: 0, max: 1, value: 0.3 },
    ),
  }),
  takes: ['correct'],
  comparesDense: ({ delta }) => (delta ? 'delta=false' : undefined),
  refusal(model, options) {
    const thin = model.layers
      .flatMap(({ attention, mlp }) => [
        attention.q_proj,
        attention.k_proj,
        attention.v_proj,
        attention.o_proj,
        mlp.down_proj,
      ])
      .find(({ weight }) => rankOf(options.keep, weight.shape[0], weight.shape[1]) < 1);
    return thin && `keep=${options.keep} leaves no rank at all for ${thin.weight.name}: use a larger share`;
  },
  plan: (model, options) => planLinears(model, ({ shape }, { floats }) => packingOf(options, shape, floats)),
  reads: readsOf(linears),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
