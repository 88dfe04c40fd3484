/**
 * @file The gradient of attention in three kernels: log-sums and δ, queries, keys and values; see
 * shaders/attention_statistics.wgsl, attention_backward_query.wgsl and attention_backward_key.wgsl.
 */
import keySource from '../../../../shaders/attention_backward_key.wgsl?raw';
import querySource from '../../../../shaders/attention_backward_query.wgsl?raw';
import statisticsSource from '../../../../shaders/attention_statistics.wgsl?raw';
import { WhittleError } from '../../../errors/errors.ts';
import { checkAttentionBackward } from '../../shapes.ts';
import type { AttentionBackwardArgs } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { type AttentionPiece, type AttentionSizes, attentionMacs, attentionPieces } from './attention_pieces.ts';

/** Sizes of the arrays that a thread keeps a head in. */
const MAX_HEAD_DIM = 256;

/** What a multiply-add costs, in those of a product: as in the scalar forward kernel. */
const SCALAR_WORK = 16;

type Params = AttentionPiece & { window: number; group: number };

const ROWS = 32;
const overrides = { WORKGROUP_SIZE: ROWS, HEAD_DIM: 64, HAS_WINDOW: 0, HAS_SOFT_CAP: 0, HAS_SLOPES: 0 };

const layout = {
  common: ['attention_options', 'attention_scores', 'tanh'],
  params: {
    ...({ seqlen: 'u32', heads: 'u32', group: 'u32', window: 'u32', scale: 'f32', soft_cap: 'f32' } as const),
    ...({ first_position: 'u32', positions: 'u32', first_head: 'u32', head_count: 'u32' } as const),
    ...({ first_sequence: 'u32', sequences: 'u32', past: 'u32' } as const),
  },
  grid: (
    { positions, head_count, sequences }: Params,
    { WORKGROUP_SIZE }: { WORKGROUP_SIZE: number },
  ): [number, number, number] => [Math.ceil(positions / WORKGROUP_SIZE), head_count, sequences],
} as const;

/** @param passes Loops over a head for each pair, where attention has two. */
const work =
  (passes: number) =>
  (params: Params, { HEAD_DIM }: { HEAD_DIM: number }): number =>
    (passes / 2) * SCALAR_WORK * attentionMacs(params, { head_dim: HEAD_DIM, window: params.window });

export const attentionStatisticsKernel = defineKernel({
  name: 'attention_statistics',
  source: statisticsSource,
  ...layout,
  overrides,
  storage: {
    query: 'read',
    key: 'read',
    slopes: 'read',
    output: 'read',
    grad_output: 'read',
    statistics: 'read_write',
  },
  work: work(1),
});

export const attentionBackwardQueryKernel = defineKernel({
  name: 'attention_backward_query',
  source: querySource,
  ...layout,
  overrides,
  storage: {
    ...({ query: 'read', key: 'read', value: 'read', slopes: 'read', grad_output: 'read' } as const),
    ...({ statistics: 'read', grad_query: 'read_write' } as const),
  },
  work: work(3),
});

export const attentionBackwardKeyKernel = defineKernel({
  name: 'attention_backward_key',
  source: keySource,
  ...layout,
  overrides,
  storage: {
    ...({ query: 'read', key: 'read', value: 'read', slopes: 'read', grad_output: 'read' } as const),
    ...({ statistics: 'read', grad_key: 'read_write', grad_value: 'read_write' } as const),
  },
  work: (params, overrides) => params.group * work(4)(params, overrides),
});

/** @throws `limit_exceeded` for heads of more than 256 dimensions. */
export function attention_backward(context: GpuContext, args: AttentionBackwardArgs): void {
  const { rows, batch, group } = checkAttentionBackward(args);
  const { seqlen, heads, kv_heads, head_dim } = args;
  if (head_dim > MAX_HEAD_DIM) {
    throw new WhittleError({
      code: 'limit_exceeded',
      message: `The model has attention heads of ${head_dim} dimensions.`,
      place: { field: 'head_dim' },
      allowed: `at most ${MAX_HEAD_DIM} on WebGPU`,
      action: 'Run on the CPU (backend "cpu").',
    });
  }
  const { query, key, value, output, grad_output, grad_query, grad_key, grad_value, scale } = args;
  // A window as long as the sequence hides nothing; an absent tensor's binding is filled with one that is not read as such.
  const { window = seqlen, soft_cap = 1, slopes = query } = args;
  const used = {
    HEAD_DIM: head_dim,
    HAS_WINDOW: window < seqlen ? 1 : 0,
    HAS_SOFT_CAP: args.soft_cap === undefined ? 0 : 1,
    HAS_SLOPES: args.slopes ? 1 : 0,
  };
  const statistics = context.tensor([rows, 2 * heads], 'f32', 'attention_statistics');
  const sizes: AttentionSizes = { batch, seqlen, heads, head_dim, window: Math.min(window, seqlen) };
  const call = {
    query,
    key,
    value,
    output,
    slopes,
    grad_output,
    statistics,
    scale,
    soft_cap,
    group,
    past: 0,
    ...sizes,
  };
  const pieces = (heads: number, passes: number) => {
    const mostMacs = context.budget.perDispatch / ((passes / 2) * SCALAR_WORK);
    return attentionPieces({ ...sizes, heads }, ROWS, mostMacs);
  };
  for (const piece of pieces(heads, 1)) attentionStatisticsKernel(context, { ...call, ...piece }, used);
  for (const piece of pieces(heads, 3)) {
    attentionBackwardQueryKernel(context, { ...call, grad_query, ...piece }, used);
  }
  for (const piece of pieces(kv_heads, 4 * group)) {
    attentionBackwardKeyKernel(context, { ...call, grad_key, grad_value, ...piece }, used);
  }
  context.retire(statistics);
}
