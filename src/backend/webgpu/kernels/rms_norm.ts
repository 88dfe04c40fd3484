/** @file RMSNorm; see shaders/rms_norm.wgsl, and shaders/rms_norm_serial.wgsl for software adapters. */
import source from '../../../../shaders/rms_norm.wgsl?raw';
import serialSource from '../../../../shaders/rms_norm_serial.wgsl?raw';
import type { RmsNormArgs } from '../../backend.ts';
import { checkRmsNorm } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

const layout = {
  storage: { hidden_states: 'read', weight: 'read', output: 'read_write' },
  params: { rows: 'u32', d: 'u32', normalized_size: 'f32', eps: 'f32' },
  work: ({ rows, d }: { rows: number; d: number }) => 2 * rows * d,
} as const;

export const rmsNormKernel = defineKernel({
  name: 'rms_norm',
  source,
  ...layout,
  overrides: { WORKGROUP_SIZE: 64, HAS_WEIGHT: 1 },
  grid: ({ rows }) => rows,
});

export const rmsNormSerialKernel = defineKernel({
  name: 'rms_norm_serial',
  source: serialSource,
  ...layout,
  overrides: { WORKGROUP_SIZE: 16, HAS_WEIGHT: 1 },
  grid: ({ rows }, { WORKGROUP_SIZE }) => lineOf(rows, WORKGROUP_SIZE),
});

/** @param isSerial Without barriers; by default where they are slow. */
export function rms_norm(context: GpuContext, args: RmsNormArgs, isSerial = context.isFallbackAdapter): void {
  const { rows, d } = checkRmsNorm(args);
  const { hidden_states, eps, normalized_size, output } = args;
  const kernel = isSerial ? rmsNormSerialKernel : rmsNormKernel;
  // Without a weight, the binding is filled with a tensor that the kernel does not read as such.
  const weight = args.weight ?? hidden_states;
  const HAS_WEIGHT = args.weight ? 1 : 0;
  kernel(context, { hidden_states, weight, output, rows, d, normalized_size, eps }, { HAS_WEIGHT });
}
