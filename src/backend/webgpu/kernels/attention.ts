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

const storage = { query: 'read', key: 'read', value: 'read', slopes: 'read', output: 'read_write' } as const;
const scoreParams = { window: 'u32', scale: 'f32', soft_cap: 'f32' } as const;
const options = { HAS_WINDOW: 0, HAS_SOFT_CAP: 0, HAS_SLOPES: 0 };

const layout = {
  common: ['attention_options', 'tanh'],
  storage,
  params: { rows: 'u32', seqlen: 'u32', heads: 'u32', group: 'u32', ...scoreParams },
  grid: (
    { rows, heads }: { rows: number; heads: number },
    { WORKGROUP_SIZE }: { WORKGROUP_SIZE: number },
  ): [number, number] => [Math.ceil(rows / WORKGROUP_SIZE), heads],
} as const;

export const attentionKernel = defineKernel({
  name: 'attention',
  source,
  ...layout,
  overrides: { WORKGROUP_SIZE: 32, HEAD_VEC4: 16, ...options },
  work: ({ rows, window, heads }, { HEAD_VEC4 }) => rows * window * heads * 4 * HEAD_VEC4,
});

export const attentionAnyKernel = defineKernel({
  name: 'attention_any',
  source: anySource,
  ...layout,
  overrides: { WORKGROUP_SIZE: 32, HEAD_DIM: 64, ...options },
  work: ({ rows, window, heads }, { HEAD_DIM }) => rows * window * heads * HEAD_DIM,
});

export const attentionSubgroupKernel = defineKernel({
  name: 'attention_subgroup',
  source: subgroupSource,
  common: ['share', ...layout.common],
  storage,
  params: { batch: 'u32', seqlen: 'u32', heads: 'u32', group: 'u32', ...scoreParams },
  overrides: { WORKGROUP_SIZE: 8, HEAD_VEC4: 16, ...options },
  grid: ({ batch, seqlen, heads }, { WORKGROUP_SIZE }) => [Math.ceil(seqlen / WORKGROUP_SIZE), heads, batch],
  work: ({ batch, seqlen, window, heads }, { HEAD_VEC4 }) => batch * seqlen * window * heads * 2 * HEAD_VEC4,
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
  // A window as long as the sequence hides nothing; an absent tensor's binding is filled with one that is not read as such.
  const { window = seqlen, soft_cap = 1, slopes = query } = args;
  const sizes = { rows, batch, seqlen, heads, group, window: Math.min(window, seqlen) };
  const call = { query, key, value, slopes, output, scale, soft_cap, ...sizes };
  const used = {
    HAS_WINDOW: window < seqlen ? 1 : 0,
    HAS_SOFT_CAP: args.soft_cap === undefined ? 0 : 1,
    HAS_SLOPES: args.slopes ? 1 : 0,
  };
  if (head_dim % 4 === 0 && head_dim <= MAX_SUBGROUP_HEAD_DIM && isShared) {
    attentionSubgroupKernel(context, call, { HEAD_VEC4: head_dim / 4, ...used });
  } else if (head_dim % 4 === 0) attentionKernel(context, call, { HEAD_VEC4: head_dim / 4, ...used });
  else attentionAnyKernel(context, call, { HEAD_DIM: head_dim, ...used });
}
