/** @file A divergence between two heads, a block of the vocabulary at a time; see shaders/divergence.wgsl. */
import source from '../../../../shaders/divergence.wgsl?raw';
import { checkDivergence } from '../../shapes.ts';
import type { DivergenceArgs, DivergenceKind } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';

/** Values of the override KIND of shaders/common/divergence_terms.wgsl. */
export const DIVERGENCE_CODES: Readonly<Record<DivergenceKind, number>> = { forward_kl: 0, reverse_kl: 1, jsd: 2 };

export const divergenceKernel = defineKernel({
  name: 'divergence',
  source,
  common: ['divergence_terms'],
  storage: {
    ...({ teacher: 'read', student: 'read', teacher_state: 'read', student_state: 'read' } as const),
    sums: 'read_write',
  },
  params: { rows: 'u32', n: 'u32', beta: 'f32' },
  overrides: { WORKGROUP_SIZE: 64, KIND: 0 },
  grid: ({ rows }) => rows,
  work: ({ rows, n }) => 16 * rows * n,
});

export function divergence(context: GpuContext, args: DivergenceArgs): void {
  const { teacher, student, teacher_state, student_state, sums, beta = 0.5 } = args;
  const call = { teacher, student, teacher_state, student_state, sums, beta, ...checkDivergence('divergence', args) };
  const used = { KIND: DIVERGENCE_CODES[args.kind] };
  // Where barriers are slow a thread has a row for itself.
  divergenceKernel(context, call, context.isFallbackAdapter ? { ...used, WORKGROUP_SIZE: 1 } : used);
}
