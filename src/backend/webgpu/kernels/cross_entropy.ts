/** @file Running log-softmax and cross-entropy; see shaders/cross_entropy.wgsl and shaders/cross_entropy_serial.wgsl. */
import source from '../../../../shaders/cross_entropy.wgsl?raw';
import serialSource from '../../../../shaders/cross_entropy_serial.wgsl?raw';
import type { CrossEntropyArgs } from '../../backend.ts';
import { checkCrossEntropy } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

/** Of an element in multiply-adds: it is loaded twice and goes through exp. */
const ELEMENT_WORK = 16;

const layout = {
  storage: { logits: 'read', target_ids: 'read', state: 'read_write' },
  params: { rows: 'u32', n: 'u32', first_column: 'u32', first_row: 'u32' },
  work: ({ rows, n }: { rows: number; n: number }) => ELEMENT_WORK * rows * n,
} as const;

export const crossEntropyKernel = defineKernel({
  name: 'cross_entropy',
  source,
  ...layout,
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ rows }) => rows,
});

export const crossEntropySerialKernel = defineKernel({
  name: 'cross_entropy_serial',
  source: serialSource,
  ...layout,
  overrides: { WORKGROUP_SIZE: 16 },
  grid: ({ rows }, { WORKGROUP_SIZE }) => lineOf(rows, WORKGROUP_SIZE),
});

/** @param isSerial Without barriers; by default where they are slow. */
export function cross_entropy(context: GpuContext, args: CrossEntropyArgs, isSerial = context.isFallbackAdapter): void {
  const kernel = isSerial ? crossEntropySerialKernel : crossEntropyKernel;
  const { rows, n } = checkCrossEntropy(args);
  const most = Math.max(1, Math.floor(context.budget.perDispatch / (ELEMENT_WORK * n)));
  for (let first_row = 0; first_row < rows; first_row += most) {
    kernel(context, { ...args, n, first_row, rows: Math.min(most, rows - first_row) });
  }
}
