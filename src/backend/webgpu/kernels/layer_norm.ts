/** @file LayerNorm; see shaders/layer_norm.wgsl, and shaders/layer_norm_serial.wgsl for software adapters. */
import source from '../../../../shaders/layer_norm.wgsl?raw';
import serialSource from '../../../../shaders/layer_norm_serial.wgsl?raw';
import type { LayerNormArgs } from '../../backend.ts';
import { checkLayerNorm } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

const layout = {
  storage: { hidden_states: 'read', weight: 'read', bias: 'read', output: 'read_write' },
  params: { rows: 'u32', d: 'u32', eps: 'f32' },
  work: ({ rows, d }: { rows: number; d: number }) => 4 * rows * d,
} as const;

export const layerNormKernel = defineKernel({
  name: 'layer_norm',
  source,
  ...layout,
  overrides: { WORKGROUP_SIZE: 64, HAS_WEIGHT: 1, HAS_BIAS: 1 },
  grid: ({ rows }) => rows,
});

export const layerNormSerialKernel = defineKernel({
  name: 'layer_norm_serial',
  source: serialSource,
  ...layout,
  overrides: { WORKGROUP_SIZE: 16, HAS_WEIGHT: 1, HAS_BIAS: 1 },
  grid: ({ rows }, { WORKGROUP_SIZE }) => lineOf(rows, WORKGROUP_SIZE),
});

/** @param isSerial Without barriers; by default where they are slow. */
export function layer_norm(context: GpuContext, args: LayerNormArgs, isSerial = context.isFallbackAdapter): void {
  const { hidden_states, eps, output } = args;
  const kernel = isSerial ? layerNormSerialKernel : layerNormKernel;
  // A binding without its tensor is filled with one that the kernel does not read as such.
  const { weight = hidden_states, bias = hidden_states } = args;
  const call = { hidden_states, weight, bias, output, eps, ...checkLayerNorm(args) };
  kernel(context, call, { HAS_WEIGHT: args.weight ? 1 : 0, HAS_BIAS: args.bias ? 1 : 0 });
}
