/** @file Running log-softmax and cross-entropy; see shaders/cross_entropy.wgsl and shaders/cross_entropy_serial.wgsl. */
import source from '../../../../shaders/cross_entropy.wgsl?raw';
import serialSource from '../../../../shaders/cross_entropy_serial.wgsl?raw';
import type { CrossEntropyArgs } from '../../backend.ts';
import { checkCrossEntropy } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

const layout = {
  storage: { logits: 'read', target_ids: 'read', state: 'read_write' },
  params: { rows: 'u32', n: 'u32', first_column: 'u32' },
  work: ({ rows, n }: { rows: number; n: number }) => 8 * rows * n,
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
  kernel(context, { ...args, ...checkCrossEntropy(args) });
}
