/** @file Counts NaN and infinite elements; see shaders/count_non_finite.wgsl. */
import source from '../../../../shaders/count_non_finite.wgsl?raw';
import type { CountNonFiniteArgs } from '../../backend.ts';
import { checkCountNonFinite } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

/** Enough threads to fill a GPU; each takes every `stride`-th element. */
const MAX_THREADS = 65_536;

export const countNonFiniteKernel = defineKernel({
  name: 'count_non_finite',
  source,
  storage: { values: 'read', counts: 'read_write' },
  params: { elements: 'u32', stride: 'u32', index: 'u32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ stride }, { WORKGROUP_SIZE }) => lineOf(stride, WORKGROUP_SIZE),
  work: ({ elements }) => elements,
});

export function count_non_finite(context: GpuContext, args: CountNonFiniteArgs): void {
  const { elements } = checkCountNonFinite(args);
  const stride = Math.ceil(Math.min(elements, MAX_THREADS) / 64) * 64;
  countNonFiniteKernel(context, { values: args.tensor, counts: args.counts, elements, stride, index: args.index });
}
