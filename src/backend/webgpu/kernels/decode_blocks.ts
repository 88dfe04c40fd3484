/** @file Stored blocks of quantised values → f32; see shaders/dequantize_*.wgsl, one for each type. */
import iq4_nl from '../../../../shaders/dequantize_iq4_nl.wgsl?raw';
import iq4_xs from '../../../../shaders/dequantize_iq4_xs.wgsl?raw';
import mxfp4 from '../../../../shaders/dequantize_mxfp4.wgsl?raw';
import nvfp4 from '../../../../shaders/dequantize_nvfp4.wgsl?raw';
import q1_0 from '../../../../shaders/dequantize_q1_0.wgsl?raw';
import q2_0 from '../../../../shaders/dequantize_q2_0.wgsl?raw';
import q2_0_g128 from '../../../../shaders/dequantize_q2_0_g128.wgsl?raw';
import q2_k from '../../../../shaders/dequantize_q2_k.wgsl?raw';
import q3_k from '../../../../shaders/dequantize_q3_k.wgsl?raw';
import q4_0 from '../../../../shaders/dequantize_q4_0.wgsl?raw';
import q4_1 from '../../../../shaders/dequantize_q4_1.wgsl?raw';
import q4_k from '../../../../shaders/dequantize_q4_k.wgsl?raw';
import q5_0 from '../../../../shaders/dequantize_q5_0.wgsl?raw';
import q5_1 from '../../../../shaders/dequantize_q5_1.wgsl?raw';
import q5_k from '../../../../shaders/dequantize_q5_k.wgsl?raw';
import q6_k from '../../../../shaders/dequantize_q6_k.wgsl?raw';
import q8_0 from '../../../../shaders/dequantize_q8_0.wgsl?raw';
import tq1_0 from '../../../../shaders/dequantize_tq1_0.wgsl?raw';
import tq2_0 from '../../../../shaders/dequantize_tq2_0.wgsl?raw';
import { blockOf, type QuantType } from '../../../tensor/dtype.ts';
import type { Tensor } from '../../backend.ts';
import type { GpuContext } from '../context.ts';
import type { FragmentName } from '../fragments.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

function blockKernel(name: string, source: string, ...common: FragmentName[]) {
  return defineKernel({
    name,
    source,
    common: ['blocks', 'half_to_f32', ...common],
    storage: { words: 'read', output: 'read_write' },
    params: { parts: 'u32' },
    overrides: { WORKGROUP_SIZE: 64 },
    grid: ({ parts }, { WORKGROUP_SIZE }) => lineOf(parts, WORKGROUP_SIZE),
    work: ({ parts }) => 16 * parts,
  });
}

export const dequantizeQ4_0 = blockKernel('dequantize_q4_0', q4_0, 'nibble_block');
export const dequantizeQ4_1 = blockKernel('dequantize_q4_1', q4_1, 'nibble_block');
export const dequantizeQ5_0 = blockKernel('dequantize_q5_0', q5_0, 'nibble_block');
export const dequantizeQ5_1 = blockKernel('dequantize_q5_1', q5_1, 'nibble_block');
export const dequantizeQ8_0 = blockKernel('dequantize_q8_0', q8_0);
export const dequantizeQ2_K = blockKernel('dequantize_q2_k', q2_k);
export const dequantizeQ3_K = blockKernel('dequantize_q3_k', q3_k);
export const dequantizeQ4_K = blockKernel('dequantize_q4_k', q4_k, 'k_scales');
export const dequantizeQ5_K = blockKernel('dequantize_q5_k', q5_k, 'k_scales');
export const dequantizeQ6_K = blockKernel('dequantize_q6_k', q6_k);
export const dequantizeIQ4_NL = blockKernel('dequantize_iq4_nl', iq4_nl, 'nibble_block', 'iq4_levels');
export const dequantizeIQ4_XS = blockKernel('dequantize_iq4_xs', iq4_xs, 'nibble_block', 'iq4_levels');
export const dequantizeTQ1_0 = blockKernel('dequantize_tq1_0', tq1_0);
export const dequantizeTQ2_0 = blockKernel('dequantize_tq2_0', tq2_0);
export const dequantizeMXFP4 = blockKernel('dequantize_mxfp4', mxfp4, 'nibble_block', 'fp4_levels');
export const dequantizeNVFP4 = blockKernel('dequantize_nvfp4', nvfp4, 'fp4_levels');
export const dequantizeQ1_0 = blockKernel('dequantize_q1_0', q1_0);
export const dequantizeQ2_0 = blockKernel('dequantize_q2_0', q2_0);
export const dequantizeQ2_0_G128 = blockKernel('dequantize_q2_0_g128', q2_0_g128);

/** Kernel of each type, and the parts of a block: what one thread decodes. */
const KERNELS: Readonly<Record<QuantType, { kernel: ReturnType<typeof blockKernel>; parts: number }>> = {
  Q4_0: { kernel: dequantizeQ4_0, parts: 4 },
  Q4_1: { kernel: dequantizeQ4_1, parts: 4 },
  Q5_0: { kernel: dequantizeQ5_0, parts: 4 },
  Q5_1: { kernel: dequantizeQ5_1, parts: 4 },
  Q8_0: { kernel: dequantizeQ8_0, parts: 4 },
  Q2_K: { kernel: dequantizeQ2_K, parts: 16 },
  Q3_K: { kernel: dequantizeQ3_K, parts: 16 },
  Q4_K: { kernel: dequantizeQ4_K, parts: 32 },
  Q5_K: { kernel: dequantizeQ5_K, parts: 32 },
  Q6_K: { kernel: dequantizeQ6_K, parts: 16 },
  IQ4_NL: { kernel: dequantizeIQ4_NL, parts: 4 },
  IQ4_XS: { kernel: dequantizeIQ4_XS, parts: 32 },
  TQ1_0: { kernel: dequantizeTQ1_0, parts: 13 },
  TQ2_0: { kernel: dequantizeTQ2_0, parts: 16 },
  MXFP4: { kernel: dequantizeMXFP4, parts: 4 },
  NVFP4: { kernel: dequantizeNVFP4, parts: 8 },
  Q1_0: { kernel: dequantizeQ1_0, parts: 4 },
  Q2_0: { kernel: dequantizeQ2_0, parts: 4 },
  Q2_0_G128: { kernel: dequantizeQ2_0_G128, parts: 8 },
};

/**
 * @param words u32: the stored bytes, of any even length.
 * @param output The f32 tensor of `elements` elements, a whole number of blocks.
 */
export function decodeBlocks(
  context: GpuContext,
  dtype: QuantType,
  words: Tensor,
  output: Tensor,
  elements: number,
  overrides?: { WORKGROUP_SIZE: number },
): void {
  const { kernel, parts } = KERNELS[dtype];
  kernel(context, { words, output, parts: parts * (elements / blockOf(dtype).elements) }, overrides);
}
