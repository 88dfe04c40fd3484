/** @file The gradient of a divergence by a block of the student's logits; see shaders/divergence_backward.wgsl. */
import source from '../../../../shaders/divergence_backward.wgsl?raw';
import { checkDivergenceBackward } from '../../shapes.ts';
import type { DivergenceBackwardArgs } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { DIVERGENCE_CODES } from './divergence.ts';
import { lineOf } from './elementwise.ts';

export const divergenceBackwardKernel = defineKernel({
  name: 'divergence_backward',
  source,
  common: ['divergence_terms'],
  storage: {
    ...({ teacher: 'read', teacher_state: 'read', student_state: 'read', sums: 'read', weights: 'read' } as const),
    student: 'read_write',
  },
  params: { elements: 'u32', n: 'u32', beta: 'f32', factor: 'f32', soft_cap: 'f32' },
  overrides: { WORKGROUP_SIZE: 64, HAS_SOFT_CAP: 0, KIND: 0 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => 16 * elements,
});

export function divergence_backward(context: GpuContext, args: DivergenceBackwardArgs): void {
  const { rows, n } = checkDivergenceBackward(args);
  const { teacher, teacher_state, student_state, sums, weights, student, beta = 0.5, factor = 1, soft_cap = 1 } = args;
  const sizes = { elements: rows * n, n, beta, factor, soft_cap };
  const call = { teacher, teacher_state, student_state, sums, weights, student, ...sizes };
  const HAS_SOFT_CAP = args.soft_cap === undefined ? 0 : 1;
  divergenceBackwardKernel(context, call, { HAS_SOFT_CAP, KIND: DIVERGENCE_CODES[args.kind] });
}
