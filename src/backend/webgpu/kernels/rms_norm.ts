/** @file RMSNorm; see shaders/rms_norm.wgsl, and shaders/rms_norm_serial.wgsl for software adapters. */
import source from '../../../../shaders/rms_norm.wgsl?raw';
import serialSource from '../../../../shaders/rms_norm_serial.wgsl?raw';
import type { RmsNormArgs } from '../../backend.ts';
import { checkRmsNorm } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

const layout = {
  storage: { hidden_states: 'read', weight: 'read', bias: 'read', output: 'read_write' },
  params: { rows: 'u32', d: 'u32', normalized_size: 'f32', eps: 'f32' },
  work: ({ rows, d }: { rows: number; d: number }) => 2 * rows * d,
} as const;

export const rmsNormKernel = defineKernel({
  name: 'rms_norm',
  source,
  common: ['inverse_rms'],
  ...layout,
  overrides: { WORKGROUP_SIZE: 64, HAS_WEIGHT: 1, HAS_BIAS: 0 },
  grid: ({ rows }) => rows,
});

export const rmsNormSerialKernel = defineKernel({
  name: 'rms_norm_serial',
  source: serialSource,
  common: ['inverse_rms_serial'],
  ...layout,
  overrides: { WORKGROUP_SIZE: 16, HAS_WEIGHT: 1, HAS_BIAS: 0 },
  grid: ({ rows }, { WORKGROUP_SIZE }) => lineOf(rows, WORKGROUP_SIZE),
});

/** @param isSerial Without barriers; by default where they are slow. */
export function rms_norm(context: GpuContext, args: RmsNormArgs, isSerial = context.isFallbackAdapter): void {
  const { hidden_states, eps, normalized_size, output } = args;
  const kernel = isSerial ? rmsNormSerialKernel : rmsNormKernel;
  // A binding without its tensor is filled with one that the kernel does not read as such.
  const { weight = hidden_states, bias = hidden_states } = args;
  const call = { hidden_states, weight, bias, output, normalized_size, eps, ...checkRmsNorm(args) };
  kernel(context, call, { HAS_WEIGHT: args.weight ? 1 : 0, HAS_BIAS: args.bias ? 1 : 0 });
}
