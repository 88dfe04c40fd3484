/**
 * @file How a trained weight is rounded before it multiplies, so that training sees what will be stored: on a grid that is there
 * already, or each row by its largest. Gradients pass straight through (arXiv 1308.3432), but where a grid clamps.
 */
import type { Tensor } from '../../backend/backend.ts';
import { gridCodes } from '../../models/packed/grid_codes.ts';
import { groupSize } from '../../models/packed/packing.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import type { Arena } from '../arena.ts';

export type Rounding = RowRounding | GridRounding;

/** Whole multiples of max|w| / levels of each row. */
export interface RowRounding {
  readonly kind: 'rows';
  readonly levels: number;
}

/** The grid of a packed weight, on the device. */
export interface GridRounding {
  readonly kind: 'grid';
  readonly zero: 'code' | 'minimum';
  readonly lowest: number;
  readonly highest: number;
  readonly group: number;
  readonly scales: Tensor;
  readonly zeros?: Tensor;
  readonly order?: Tensor;
}

/** The grid stays: scales, zero points and order of these values. Its tensors are the arena's. */
export function gridRounding(arena: Arena, values: GroupedValues, name: string): GridRounding {
  const { packing, rows, columns, scales, zeros, order } = values;
  const { backend } = arena;
  const groups = scales.length / rows;
  const tensor = (given: Float64Array, part: string) =>
    arena.own(backend.fromArray(given, [rows, groups], `${name} ${part}`));
  return {
    ...{ kind: 'grid', ...gridCodes(values), group: groupSize(packing, columns), scales: tensor(scales, 'scales') },
    zero: packing.zero === 'minimum' ? 'minimum' : 'code',
    ...(zeros && { zeros: tensor(zeros, 'zeros') }),
    ...(order && { order: arena.own(backend.fromIds([...order], `${name} order`)) }),
  };
}

/** @param weight (out, in). @returns Another tensor, the arena's. */
export function rounded(arena: Arena, rounding: Rounding, weight: Tensor): Tensor {
  const { backend } = arena;
  const output = arena.empty(weight.shape, weight.label);
  if (rounding.kind === 'rows') {
    backend.quantize_rows({ hidden_states: weight, levels: rounding.levels, output });
    return output;
  }
  backend.fake_quantize({ ...rounding, weight, output });
  return output;
}

/** The gradient by the rounded weight → that by the weight, in place. @param weight Before it was rounded. */
export function straightThrough(arena: Arena, rounding: Rounding, weight: Tensor, gradient: Tensor): void {
  // Of a row's own largest number nothing is clamped.
  if (rounding.kind === 'grid') arena.backend.fake_quantize_backward({ ...rounding, weight, gradient });
}
