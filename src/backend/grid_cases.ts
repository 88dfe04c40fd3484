/** @file Calls of the kernels of grids on seeded numbers, as `training_cases.ts` has those of the reverse pass. */
import type { Backend, Tensor } from './backend.ts';
import { randomValues } from './testing.ts';
import type { TrainingCase } from './training_cases.ts';

export interface GridCase {
  zero: 'code' | 'minimum';
  group: number;
  isOrdered?: boolean;
}

export const GRID_CASES: readonly GridCase[] = [
  { zero: 'code', group: 8 },
  { zero: 'code', group: 37 },
  { zero: 'minimum', group: 16, isOrdered: true },
];

const [ROWS, COLUMNS] = [13, 37];

/** A grid that clamps some numbers; one of its scales is 0. */
export function gridCall(b: Backend, { zero, group, isOrdered }: GridCase) {
  const groups = Math.ceil(COLUMNS / group);
  const matrix = (columns: number, values: (i: number) => number, label: string) =>
    b.fromArray(
      Float32Array.from({ length: ROWS * columns }, (_, i) => values(i)),
      [ROWS, columns],
      label,
    );
  const seeds = randomValues(ROWS * groups, 7);
  const weights = randomValues(ROWS * COLUMNS, 8);
  const order = Array.from({ length: COLUMNS }, (_, i) => (i * 5 + 3) % COLUMNS);
  return {
    weight: matrix(COLUMNS, (i) => weights[i], 'weight'),
    // Powers of two, so that f32 and f64 find the same codes.
    scales: matrix(groups, (i) => (i === 3 ? 0 : 2 ** -(3 + (i % 3))), 'scales'),
    zeros: matrix(groups, (i) => (zero === 'code' ? i % 5 : Math.fround(seeds[i])), 'zeros'),
    ...{ zero, group, lowest: 0, highest: 15 },
    ...(isOrdered && { order: b.fromIds(order, 'order') }),
  };
}

export const GRID_KERNEL_CASES: readonly TrainingCase[] = GRID_CASES.flatMap((given): TrainingCase[] => {
  const label = `${given.zero}, groups of ${given.group}${given.isOrdered ? ', in an order' : ''}`;
  const like = (b: Backend, { shape }: Tensor, seed: number) =>
    b.fromArray(randomValues(shape[0] * shape[1], seed), shape, `seed ${seed}`);
  return [
    {
      name: `fake_quantize ${label}`,
      kernels: ['fake_quantize'],
      outputs(b) {
        const call = gridCall(b, given);
        const output = b.empty(call.weight.shape, 'output');
        b.fake_quantize({ ...call, output });
        return [output];
      },
    },
    {
      name: `fake_quantize_backward ${label}`,
      kernels: ['fake_quantize_backward'],
      outputs(b) {
        const call = gridCall(b, given);
        const gradient = like(b, call.weight, 9);
        b.fake_quantize_backward({ ...call, gradient });
        return [gradient];
      },
    },
    {
      name: `scale_groups ${label}`,
      kernels: ['scale_groups'],
      outputs(b) {
        const { weight: codes, scales, zeros, group, order } = gridCall(b, given);
        const output = b.empty(codes.shape, 'output');
        b.scale_groups({ codes, scales, ...(given.zero === 'minimum' && { minimums: zeros }), group, order, output });
        return [output];
      },
    },
    {
      name: `group_sums ${label}`,
      kernels: ['group_sums'],
      outputs(b) {
        const { weight: a, scales, group, order } = gridCall(b, given);
        const output = like(b, scales, 10);
        b.group_sums({ a, ...(given.zero === 'code' && { b: like(b, a, 11) }), group, order, output });
        return [output];
      },
    },
  ];
});
