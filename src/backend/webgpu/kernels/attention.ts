/**
 * @file Causal grouped-query attention; see shaders/attention.wgsl, attention_any.wgsl, and for software adapters
 * attention_panel.wgsl and attention_subgroup.wgsl.
 */
import source from '../../../../shaders/attention.wgsl?raw';
import anySource from '../../../../shaders/attention_any.wgsl?raw';
import panelSource from '../../../../shaders/attention_panel.wgsl?raw';
import subgroupSource from '../../../../shaders/attention_subgroup.wgsl?raw';
import { WhittleError } from '../../../errors/errors.ts';
import type { AttentionArgs, Tensor } from '../../backend.ts';
import { checkAttention } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { type AttentionPiece, attentionMacs, attentionPieces } from './attention_pieces.ts';

/** Sizes of the arrays that a thread keeps a head in. */
const MAX_HEAD_DIM = 256;
const MAX_SUBGROUP_HEAD_DIM = 128;

/** Query rows of a thread of attention_subgroup.wgsl. */
const SUBGROUP_ROWS = 4;

/** The head and the query rows of a workgroup of attention_panel.wgsl. */
const PANEL_HEAD_DIM = 32;
const PANEL_ROWS = 256;

/**
 * What a multiply-add costs here, in those of a product, whose tiles load a vec4 for 16 of them: here it is one for every
 * four (2 to 6 on SwiftShader), and two floats for every one where a head is no multiple of 4.
 */
const VEC4_WORK = 4;
const SCALAR_WORK = 16;

type Params = AttentionPiece & { window: number };

const layout = {
  common: ['attention_options', 'tanh'],
  storage: { query: 'read', key: 'read', value: 'read', slopes: 'read', output: 'read_write' },
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
const options = { HAS_WINDOW: 0, HAS_SOFT_CAP: 0, HAS_SLOPES: 0 };
const workOf = (macWork: number, head_dim: number, params: Params) =>
  macWork * attentionMacs(params, { head_dim, window: params.window });
const vec4Work = (params: Params, { HEAD_VEC4 }: { HEAD_VEC4: number }) => workOf(VEC4_WORK, 4 * HEAD_VEC4, params);

export const attentionKernel = defineKernel({
  name: 'attention',
  source,
  ...layout,
  overrides: { WORKGROUP_SIZE: 32, HEAD_VEC4: 16, ...options },
  work: vec4Work,
});

export const attentionAnyKernel = defineKernel({
  name: 'attention_any',
  source: anySource,
  ...layout,
  overrides: { WORKGROUP_SIZE: 32, HEAD_DIM: 64, ...options },
  work: (params, { HEAD_DIM }) => workOf(SCALAR_WORK, HEAD_DIM, params),
});

export const attentionSubgroupKernel = defineKernel({
  name: 'attention_subgroup',
  source: subgroupSource,
  ...layout,
  common: ['share', ...layout.common],
  overrides: { WORKGROUP_SIZE: 4, HEAD_VEC4: 16, ...options },
  grid: ({ positions, head_count, sequences }: Params, { WORKGROUP_SIZE }: { WORKGROUP_SIZE: number }) =>
    [Math.ceil(positions / (SUBGROUP_ROWS * WORKGROUP_SIZE)), head_count, sequences] as const,
  work: vec4Work,
});

export const attentionPanelKernel = defineKernel({
  name: 'attention_panel',
  source: panelSource,
  ...layout,
  common: ['plus', ...layout.common],
  overrides: options,
  grid: ({ positions, head_count, sequences }: Params) =>
    [Math.ceil(positions / PANEL_ROWS), head_count, sequences] as const,
  work: (params: Params) => workOf(VEC4_WORK, PANEL_HEAD_DIM, params),
});

/**
 * @param isShared By lanes that share their loads; by default where that pays.
 * @throws `limit_exceeded` for heads of more than 256 dimensions.
 */
export function attention(context: GpuContext, args: AttentionArgs, isShared = context.prefersWideTiles): void {
  const { batch, group } = checkAttention(args);
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
  const { past = 0, soft_cap = 1, slopes = query } = args;
  const { window = past + seqlen } = args;
  const isVec4 = head_dim % 4 === 0;
  const used = {
    HAS_WINDOW: window < past + seqlen ? 1 : 0,
    HAS_SOFT_CAP: args.soft_cap === undefined ? 0 : 1,
    HAS_SLOPES: args.slopes ? 1 : 0,
  };
  const sizes = { batch, seqlen, heads, head_dim, past, window: Math.min(window, past + seqlen) };
  const call = { query, key, value, slopes, output, scale, soft_cap, group, ...sizes };
  const mostMacs = context.budget.perDispatch / (isVec4 ? VEC4_WORK : SCALAR_WORK);
  const { rows, run } = chosen(context, head_dim, isShared);
  for (const piece of attentionPieces(sizes, rows, mostMacs)) run({ ...call, ...piece }, used);
}

type Call = AttentionPiece & Pick<AttentionArgs, 'query' | 'key' | 'value' | 'output' | 'seqlen' | 'heads' | 'scale'>;
type Run = (
  call: Call & { slopes: Tensor; group: number; window: number; soft_cap: number; past: number },
  used: typeof options,
) => void;

/** The kernel for a head, and the query rows of its workgroup. */
function chosen(context: GpuContext, head_dim: number, isShared: boolean): { rows: number; run: Run } {
  const HEAD_VEC4 = head_dim / 4;
  if (head_dim % 4 !== 0) {
    const rows = attentionAnyKernel.definition.overrides.WORKGROUP_SIZE;
    return { rows, run: (call, used) => attentionAnyKernel(context, call, { HEAD_DIM: head_dim, ...used }) };
  }
  if (isShared && head_dim === PANEL_HEAD_DIM) {
    return { rows: PANEL_ROWS, run: (call, used) => attentionPanelKernel(context, call, used) };
  }
  const isSubgroup = isShared && head_dim <= MAX_SUBGROUP_HEAD_DIM;
  const kernel = isSubgroup ? attentionSubgroupKernel : attentionKernel;
  const rows = (isSubgroup ? SUBGROUP_ROWS : 1) * kernel.definition.overrides.WORKGROUP_SIZE;
  return { rows, run: (call, used) => kernel(context, call, { HEAD_VEC4, ...used }) };
}
