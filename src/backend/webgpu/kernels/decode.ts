/** @file Stored half floats → f32; see shaders/decode_f16.wgsl and shaders/decode_bf16.wgsl. */
import bf16Source from '../../../../shaders/decode_bf16.wgsl?raw';
import f16Source from '../../../../shaders/decode_f16.wgsl?raw';
import type { Tensor } from '../../backend.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

const layout = {
  storage: { words: 'read', output: 'read_write' },
  params: { elements: 'u32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }: { elements: number }, { WORKGROUP_SIZE }: { WORKGROUP_SIZE: number }) =>
    lineOf(Math.ceil(elements / 2), WORKGROUP_SIZE),
  work: ({ elements }: { elements: number }) => elements,
} as const;

export const decodeF16Kernel = defineKernel({
  name: 'decode_f16',
  source: f16Source,
  common: ['half_to_f32'],
  ...layout,
});
export const decodeBf16Kernel = defineKernel({ name: 'decode_bf16', source: bf16Source, ...layout });

/** @param words u32: two values a word. @param output The f32 tensor of `elements` elements. */
export function decode(context: GpuContext, dtype: 'F16' | 'BF16', words: Tensor, output: Tensor, elements: number) {
  const kernel = dtype === 'F16' ? decodeF16Kernel : decodeBf16Kernel;
  kernel(context, { words, output, elements });
}
