/** @file Causal grouped-query attention; see shaders/attention.wgsl, attention_subgroup.wgsl and attention_any.wgsl. */
import source from '../../../../shaders/attention.wgsl?raw';
import anySource from '../../../../shaders/attention_any.wgsl?raw';
import subgroupSource from '../../../../shaders/attention_subgroup.wgsl?raw';
import { WhittleError } from '../../../errors/errors.ts';
import type { AttentionArgs } from '../../backend.ts';
import { checkAttention } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';

/** Sizes of the arrays that a thread keeps a head in. */
const MAX_HEAD_DIM = 256;
const MAX_SUBGROUP_HEAD_DIM = 128;

const layout = {
  storage: { query: 'read', key: 'read', value: 'read', output: 'read_write' },
  params: { rows: 'u32', seqlen: 'u32', heads: 'u32', group: 'u32', scale: 'f32' },
  grid: (
    { rows, heads }: { rows: number; heads: number },
    { WORKGROUP_SIZE }: { WORKGROUP_SIZE: number },
  ): [number, number] => [Math.ceil(rows / WORKGROUP_SIZE), heads],
} as const;

export const attentionKernel = defineKernel({
  name: 'attention',
  source,
  ...layout,
  overrides: { WORKGROUP_SIZE: 32, HEAD_VEC4: 16 },
  work: ({ rows, seqlen, heads }, { HEAD_VEC4 }) => rows * seqlen * heads * 4 * HEAD_VEC4,
});

export const attentionAnyKernel = defineKernel({
  name: 'attention_any',
  source: anySource,
  ...layout,
  overrides: { WORKGROUP_SIZE: 32, HEAD_DIM: 64 },
  work: ({ rows, seqlen, heads }, { HEAD_DIM }) => rows * seqlen * heads * HEAD_DIM,
});

export const attentionSubgroupKernel = defineKernel({
  name: 'attention_subgroup',
  source: subgroupSource,
  common: ['share'],
  storage: layout.storage,
  params: { batch: 'u32', seqlen: 'u32', heads: 'u32', group: 'u32', scale: 'f32' },
  overrides: { WORKGROUP_SIZE: 8, HEAD_VEC4: 16 },
  grid: ({ batch, seqlen, heads }, { WORKGROUP_SIZE }) => [Math.ceil(seqlen / WORKGROUP_SIZE), heads, batch],
  work: ({ batch, seqlen, heads }, { HEAD_VEC4 }) => batch * seqlen * seqlen * heads * 2 * HEAD_VEC4,
});

/**
 * @param isShared By lanes that share their loads; by default where that pays.
 * @throws `limit_exceeded` for heads of more than 256 dimensions.
 */
export function attention(context: GpuContext, args: AttentionArgs, isShared = context.prefersWideTiles): void {
  const { rows, batch, group } = checkAttention(args);
  const { query, key, value, output, seqlen, heads, head_dim, scale } = args;
  if (head_dim > MAX_HEAD_DIM) {
    throw new WhittleError({
      code: 'limit_exceeded',
      message: `The model has attention heads of ${head_dim} dimensions.`,
      place: { field: 'head_dim' },
      allowed: `at most ${MAX_HEAD_DIM} on WebGPU`,
      action: 'Run on the CPU (backend "cpu").',
    });
  }
  const call = { query, key, value, output, rows, batch, seqlen, heads, group, scale };
  if (head_dim % 4 === 0 && head_dim <= MAX_SUBGROUP_HEAD_DIM && isShared) {
    attentionSubgroupKernel(context, call, { HEAD_VEC4: head_dim / 4 });
  } else if (head_dim % 4 === 0) attentionKernel(context, call, { HEAD_VEC4: head_dim / 4 });
  else attentionAnyKernel(context, call, { HEAD_DIM: head_dim });
}
