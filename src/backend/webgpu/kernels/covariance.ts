/** @file covariance += XᵀX, upper triangle; see shaders/covariance.wgsl, covariance_subgroup.wgsl and covariance_any.wgsl. */
import source from '../../../../shaders/covariance.wgsl?raw';
import anySource from '../../../../shaders/covariance_any.wgsl?raw';
import subgroupSource from '../../../../shaders/covariance_subgroup.wgsl?raw';
import type { CovarianceArgs, Summation } from '../../backend.ts';
import { checkCovariance } from '../../shapes.ts';
import { asGpuTensor } from '../buffers.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { isPanelWorthwhile } from './matmul_family.ts';
import { PANEL_COLUMNS, panelGrid } from './matmul_kernels.ts';

/** Rows and columns that one thread of covariance.wgsl owns. */
const TILE = 8;

/** Rows whose products are summed in registers before they are added to the sum; 64 in covariance_subgroup.wgsl. */
const CHUNK = 256;

const layout = {
  storage: { hidden_states: 'read', covariance: 'read_write', low: 'read_write' },
  params: { rows: 'u32', n: 'u32', summation: 'u32' },
  work: ({ rows, n }: { rows: number; n: number }) => (rows * n * n) / 2,
} as const;

export const covarianceKernel = defineKernel({
  name: 'covariance',
  source,
  common: ['tile_8x8', 'left_steps', 'right_steps', 'paired_sum'],
  ...layout,
  overrides: { WORKGROUP_X: 8, WORKGROUP_Y: 8, CHUNK },
  grid: ({ n }, { WORKGROUP_X, WORKGROUP_Y }) => [
    Math.ceil(n / (TILE * WORKGROUP_X)),
    Math.ceil(n / (TILE * WORKGROUP_Y)),
  ],
});

export const covarianceSubgroupKernel = defineKernel({
  name: 'covariance_subgroup',
  source: subgroupSource,
  common: ['row_panel', 'plus', 'panel_steps', 'right_steps', 'paired_sum'],
  ...layout,
  storage: { left_states: 'read', ...layout.storage },
  overrides: { WORKGROUP_SIZE: PANEL_COLUMNS / 8 },
  grid: ({ n }) => panelGrid({ m: n, n }),
});

export const covarianceAnyKernel = defineKernel({
  name: 'covariance_any',
  source: anySource,
  common: ['paired_sum'],
  ...layout,
  overrides: { WORKGROUP_X: 8, WORKGROUP_Y: 8, CHUNK },
  grid: ({ n }, { WORKGROUP_X, WORKGROUP_Y }) => [Math.ceil(n / WORKGROUP_X), Math.ceil(n / WORKGROUP_Y)],
});

/** Values of `params.summation`: SUMMATION_* of shaders/common/paired_sum.wgsl. */
const SUMMATION: Record<Summation, number> = { plain: 0, integer: 1, float: 2 };

export function covariance(context: GpuContext, args: CovarianceArgs, summation = context.summation): void {
  const { rows, n } = checkCovariance(args);
  // A sum without its low part is rounded; the binding wants a buffer all the same.
  const low = args.low ?? context.tensor([4], 'f32', 'no low part');
  const states = asGpuTensor(args.hidden_states);
  // Whole chunks, so that the sum is the same in one dispatch or in several.
  const chunks = Math.max(1, Math.floor(context.budget.perDispatch / ((n * n) / 2) / CHUNK));
  for (let first = 0; first < rows; first += chunks * CHUNK) {
    const call = {
      ...{ ...args, low, n, hidden_states: states.view(4 * first * n) },
      rows: Math.min(rows - first, chunks * CHUNK),
      summation: args.low ? SUMMATION[summation] : SUMMATION.plain,
    };
    if (n % 4 !== 0) covarianceAnyKernel(context, call);
    else if (isPanelWorthwhile(context, n))
      covarianceSubgroupKernel(context, { ...call, left_states: call.hidden_states });
    else covarianceKernel(context, call);
  }
  if (!args.low) context.retire(asGpuTensor(low));
}
