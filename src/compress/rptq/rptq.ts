/**
 * @file RPTQ (arXiv 2304.01089): what a linear reads is rounded on fixed grids, one for each cluster of features whose ranges
 * on the calibration text are alike; weights are rounded to nearest in groups.
 */
import * as v from 'valibot';
import type { InputQuantization } from '../../models/input_quantization.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import { layerwise } from '../layerwise.ts';
import { type LinearMethod, readsOf } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { number } from '../options/fields.ts';
import { BITS, GRID, GROUP, type IntegerOptions, integerPacking } from '../options/integers.ts';
import { nearestValues } from '../solvers/packed_values.ts';
import { clusterGrid } from '../solvers/rptq.ts';

interface Options extends IntegerOptions {
  readonly clusters: number;
  readonly activation_bits: number;
}

const linears: LinearMethod<Options> = {
  statistics: () => ['range'],
  input: ({ minimum, maximum }, { clusters, activation_bits: bits }): InputQuantization | undefined =>
    minimum && maximum && { kind: 'clusters', bits, clusters, grid: clusterGrid(minimum, maximum, clusters, bits) },
  change: ({ W, rows, columns, source }, _, options) =>
    nearestValues(W, rows, columns, integerPacking(options, source)),
};

export const rptq: Method<Options> = {
  name: 'rptq',
  about: {
    label: 'RPTQ',
    paper: 'arXiv 2304.01089',
    group: 'quantise',
    help: 'Activations on fixed grids, one a cluster of features with like ranges, and weights rounded to nearest. Nothing is measured as the model runs; below 8 bits more clusters help much.',
  },
  options: v.strictObject({
    clusters: number(
      { label: 'Clusters', help: 'Grids of a linear’s inputs. Each costs 8 bytes.', unit: 'clusters' },
      { min: 1, max: 256, value: 8, whole: true },
    ),
    activation_bits: number(
      { label: 'Activation bits', help: 'Bits of what linears read.', unit: 'bits' },
      { min: 2, max: 8, value: 8, whole: true },
    ),
    bits: BITS,
    group: GROUP,
    grid: GRID,
  }),
  takes: ['correct'],
  refusal: () => undefined,
  plan: (model, options) =>
    planLinears(model, (weight) => integerPacking(options, weight), {
      kind: 'clusters',
      bits: options.activation_bits,
      clusters: options.clusters,
    }),
  reads: readsOf(linears),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
