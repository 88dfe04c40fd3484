/** @file Which kernel takes large products on a device, and why, as people are told. */
import type { MatmulChoice } from '../backend.ts';
import type { Tuning } from './autotune.ts';
import type { GpuContext } from './context.ts';
import { PANEL_COLUMNS } from './kernels/matmul_kernels.ts';
import { describeVariant } from './matmul_variants.ts';

/** Before anything is measured, and on software adapters for good. */
export function untunedChoice(context: Pick<GpuContext, 'prefersWideTiles' | 'matmulVariant'>): MatmulChoice {
  return context.prefersWideTiles
    ? { name: `subgroup panels ×${PANEL_COLUMNS}`, chosen_by: 'software adapter' }
    : { name: describeVariant(context.matmulVariant), chosen_by: 'default' };
}

export function tunedChoice({ variant, rate, times_default }: Tuning): MatmulChoice {
  const measured = { times_default, multiply_adds_per_second: rate };
  return { name: describeVariant(variant), chosen_by: 'measurement', ...measured };
}
