/** @file Two heads' logits compared; see shaders/compare_logits.wgsl and shaders/compare_logits_serial.wgsl. */
import source from '../../../../shaders/compare_logits.wgsl?raw';
import serialSource from '../../../../shaders/compare_logits_serial.wgsl?raw';
import type { CompareLogitsArgs } from '../../backend.ts';
import { checkCompareLogits } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

/** Of a pair of logits in multiply-adds: two loads and two exponentials. */
const PAIR_WORK = 24;

const layout = {
  common: ['compared_terms'],
  storage: { dense: 'read', own: 'read', dense_state: 'read', own_state: 'read', state: 'read_write' },
  params: { rows: 'u32', n: 'u32', first_column: 'u32', first_row: 'u32' },
  work: ({ rows, n }: { rows: number; n: number }) => PAIR_WORK * rows * n,
} as const;

export const compareLogitsKernel = defineKernel({
  name: 'compare_logits',
  source,
  ...layout,
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ rows }) => rows,
});

export const compareLogitsSerialKernel = defineKernel({
  name: 'compare_logits_serial',
  source: serialSource,
  ...layout,
  overrides: { WORKGROUP_SIZE: 16 },
  grid: ({ rows }, { WORKGROUP_SIZE }) => lineOf(rows, WORKGROUP_SIZE),
});

/** @param isSerial Without barriers; by default where they are slow. */
export function compare_logits(
  context: GpuContext,
  args: CompareLogitsArgs,
  isSerial = context.isFallbackAdapter,
): void {
  const kernel = isSerial ? compareLogitsSerialKernel : compareLogitsKernel;
  const { rows, n } = checkCompareLogits(args);
  const most = Math.max(1, Math.floor(context.budget.perDispatch / (PAIR_WORK * n)));
  for (let first_row = 0; first_row < rows; first_row += most) {
    kernel(context, { ...args, n, first_row, rows: Math.min(most, rows - first_row) });
  }
}
