/**
 * @file WGSL that several kernels are made of: the files of `shaders/common/`, pasted behind a kernel's own file by name.
 * Behind it, so that `enable` stays first and the line numbers of the kernel's own file stay true.
 */

import activation_slopes from '../../../shaders/common/activation_slopes.wgsl?raw';
import activations from '../../../shaders/common/activations.wgsl?raw';
import attention_options from '../../../shaders/common/attention_options.wgsl?raw';
import attention_scores from '../../../shaders/common/attention_scores.wgsl?raw';
import blocks from '../../../shaders/common/blocks.wgsl?raw';
import compared_terms from '../../../shaders/common/compared_terms.wgsl?raw';
import divergence_terms from '../../../shaders/common/divergence_terms.wgsl?raw';
import few_rows from '../../../shaders/common/few_rows.wgsl?raw';
import fp4_levels from '../../../shaders/common/fp4_levels.wgsl?raw';
import grid_code from '../../../shaders/common/grid_code.wgsl?raw';
import grid_place from '../../../shaders/common/grid_place.wgsl?raw';
import half_to_f32 from '../../../shaders/common/half_to_f32.wgsl?raw';
import inverse_rms from '../../../shaders/common/inverse_rms.wgsl?raw';
import inverse_rms_serial from '../../../shaders/common/inverse_rms_serial.wgsl?raw';
import iq4_levels from '../../../shaders/common/iq4_levels.wgsl?raw';
import k_scales from '../../../shaders/common/k_scales.wgsl?raw';
import left_rows from '../../../shaders/common/left_rows.wgsl?raw';
import left_steps from '../../../shaders/common/left_steps.wgsl?raw';
import matmul_at_steps from '../../../shaders/common/matmul_at_steps.wgsl?raw';
import matmul_bt_vec4 from '../../../shaders/common/matmul_bt_vec4.wgsl?raw';
import matmul_f32 from '../../../shaders/common/matmul_f32.wgsl?raw';
import matmul_factor_counts from '../../../shaders/common/matmul_factor_counts.wgsl?raw';
import matmul_factors from '../../../shaders/common/matmul_factors.wgsl?raw';
import matmul_params from '../../../shaders/common/matmul_params.wgsl?raw';
import matmul_vec4 from '../../../shaders/common/matmul_vec4.wgsl?raw';
import nibble_block from '../../../shaders/common/nibble_block.wgsl?raw';
import packed_codes from '../../../shaders/common/packed_codes.wgsl?raw';
import paired_sum from '../../../shaders/common/paired_sum.wgsl?raw';
import panel_rows from '../../../shaders/common/panel_rows.wgsl?raw';
import panel_steps from '../../../shaders/common/panel_steps.wgsl?raw';
import panel_store from '../../../shaders/common/panel_store.wgsl?raw';
import plus from '../../../shaders/common/plus.wgsl?raw';
import right_of_matmul from '../../../shaders/common/right_of_matmul.wgsl?raw';
import right_of_matmul_bt from '../../../shaders/common/right_of_matmul_bt.wgsl?raw';
import right_steps from '../../../shaders/common/right_steps.wgsl?raw';
import row_panel from '../../../shaders/common/row_panel.wgsl?raw';
import share from '../../../shaders/common/share.wgsl?raw';
import sparse_2_4 from '../../../shaders/common/sparse_2_4.wgsl?raw';
import tanh from '../../../shaders/common/tanh.wgsl?raw';
import tile_8x8 from '../../../shaders/common/tile_8x8.wgsl?raw';
import tile_8x8_shared from '../../../shaders/common/tile_8x8_shared.wgsl?raw';
import tile_32x16 from '../../../shaders/common/tile_32x16.wgsl?raw';
import tridiagonal_layout from '../../../shaders/common/tridiagonal_layout.wgsl?raw';
import tridiagonal_project_operands from '../../../shaders/common/tridiagonal_project_operands.wgsl?raw';
import tridiagonal_update_operands from '../../../shaders/common/tridiagonal_update_operands.wgsl?raw';

const FRAGMENTS = {
  activations,
  activation_slopes,
  attention_scores,
  divergence_terms,
  attention_options,
  blocks,
  compared_terms,
  few_rows,
  fp4_levels,
  grid_code,
  grid_place,
  half_to_f32,
  inverse_rms,
  inverse_rms_serial,
  iq4_levels,
  k_scales,
  left_rows,
  left_steps,
  matmul_at_steps,
  matmul_bt_vec4,
  matmul_f32,
  matmul_factor_counts,
  matmul_factors,
  matmul_params,
  matmul_vec4,
  nibble_block,
  packed_codes,
  paired_sum,
  panel_rows,
  panel_steps,
  panel_store,
  plus,
  right_of_matmul,
  right_of_matmul_bt,
  right_steps,
  row_panel,
  share,
  sparse_2_4,
  tanh,
  tile_8x8,
  tile_8x8_shared,
  tile_32x16,
  tridiagonal_layout,
  tridiagonal_project_operands,
  tridiagonal_update_operands,
} as const;

/** Stem of a file in `shaders/common/`. */
export type FragmentName = keyof typeof FRAGMENTS;

/** What of a kernel's definition makes its WGSL. */
export interface ShaderParts {
  readonly name: string;
  /** The kernel's own file. */
  readonly source: string;
  readonly common?: readonly FragmentName[];
}

/** The whole WGSL of a kernel. */
export function shaderCode({ source, common = [] }: ShaderParts): string {
  return [source, ...common.map((name) => FRAGMENTS[name])].join('\n');
}

/** The file below `shaders/`, and the line in it, that a line of the whole WGSL comes from; both count from 1. */
export function originOf({ name, source, common = [] }: ShaderParts, line: number): { file: string; line: number } {
  let file = `${name}.wgsl`;
  let first = 1;
  let next = first + source.split('\n').length;
  for (const fragment of common) {
    if (line < next) break;
    file = `common/${fragment}.wgsl`;
    first = next;
    next += FRAGMENTS[fragment].split('\n').length;
  }
  return { file, line: line - first + 1 };
}
