/** @file What an RMSNorm divides by; see shaders/rms_scale.wgsl, and shaders/rms_scale_serial.wgsl for software adapters. */
import source from '../../../../shaders/rms_scale.wgsl?raw';
import serialSource from '../../../../shaders/rms_scale_serial.wgsl?raw';
import type { RmsScaleArgs } from '../../backend.ts';
import { checkRmsScale } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

const layout = {
  storage: { hidden_states: 'read', output: 'read_write' },
  params: { rows: 'u32', d: 'u32', normalized_size: 'f32', eps: 'f32' },
  work: ({ rows, d }: { rows: number; d: number }) => rows * d,
} as const;

export const rmsScaleKernel = defineKernel({
  name: 'rms_scale',
  source,
  common: ['inverse_rms'],
  ...layout,
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ rows }) => rows,
});

export const rmsScaleSerialKernel = defineKernel({
  name: 'rms_scale_serial',
  source: serialSource,
  common: ['inverse_rms_serial'],
  ...layout,
  overrides: { WORKGROUP_SIZE: 16 },
  grid: ({ rows }, { WORKGROUP_SIZE }) => lineOf(rows, WORKGROUP_SIZE),
});

/** @param isSerial Without barriers; by default where they are slow. */
export function rms_scale(context: GpuContext, args: RmsScaleArgs, isSerial = context.isFallbackAdapter): void {
  const kernel = isSerial ? rmsScaleSerialKernel : rmsScaleKernel;
  kernel(context, { ...args, ...checkRmsScale(args) });
}
