/** @file Rows of a table by token id; see shaders/embedding.wgsl. */
import source from '../../../../shaders/embedding.wgsl?raw';
import type { EmbeddingArgs } from '../../backend.ts';
import { checkEmbedding } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const embeddingKernel = defineKernel({
  name: 'embedding',
  source,
  storage: { input_ids: 'read', weight: 'read', output: 'read_write' },
  params: { rows: 'u32', d: 'u32', first_row: 'u32', table_rows: 'u32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ rows, d }, { WORKGROUP_SIZE }) => lineOf(rows * d, WORKGROUP_SIZE),
  work: ({ rows, d }) => rows * d,
});

export function embedding(context: GpuContext, args: EmbeddingArgs): void {
  embeddingKernel(context, { ...args, ...checkEmbedding(args) });
}
