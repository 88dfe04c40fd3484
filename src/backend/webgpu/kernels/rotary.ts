/** @file Rotary embedding in place; see shaders/rotary.wgsl. */
import source from '../../../../shaders/rotary.wgsl?raw';
import type { RotaryArgs } from '../../backend.ts';
import { checkRotary } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const rotaryKernel = defineKernel({
  name: 'rotary',
  source,
  storage: { cos_table: 'read', sin_table: 'read', states: 'read_write' },
  params: { pairs: 'u32', seqlen: 'u32', heads: 'u32', head_dim: 'u32', half: 'u32' },
  overrides: { WORKGROUP_SIZE: 64, INTERLEAVED: 0, PAIRS: 1 },
  grid: ({ pairs }, { WORKGROUP_SIZE, PAIRS }) => lineOf(pairs / PAIRS, WORKGROUP_SIZE),
  work: ({ pairs }) => 4 * pairs,
});

/** Of a thread on software adapters, where the four divisions that find a pair cost more than to turn it. */
const SOFTWARE_PAIRS = 4;

export function rotary(context: GpuContext, args: RotaryArgs): void {
  const { rows, half } = checkRotary(args);
  const { states, cos, sin, seqlen, heads, head_dim } = args;
  const pairs = rows * heads * half;
  const call = { cos_table: cos, sin_table: sin, states, pairs, seqlen, heads, head_dim, half };
  const isShared = context.isFallbackAdapter && half % SOFTWARE_PAIRS === 0;
  rotaryKernel(context, call, { INTERLEAVED: args.interleaved ? 1 : 0, PAIRS: isShared ? SOFTWARE_PAIRS : 1 });
}
