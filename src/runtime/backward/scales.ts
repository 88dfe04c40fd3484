/**
 * @file PEQA (arXiv 2305.14152): the integers of a linear stay, its scales are trained, and on grids with minimums these too:
 * W = (code − zero) ⊙ scale, or code ⊙ scale + minimum.
 */
import type { Tensor } from '../../backend/backend.ts';
import { groupSize } from '../../models/packed/packing.ts';
import { signedCodes } from '../../models/packed/signed_codes.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import type { Arena } from '../arena.ts';

export interface TrainedScales {
  readonly kind: 'scales';
  readonly rows: number;
  readonly columns: number;
  readonly group: number;
  /** (rows, groups), as all of them. */
  readonly scales: Tensor;
  readonly grad_scales: Tensor;
  readonly minimums?: Tensor;
  /** Absent: minimums stay as they are. */
  readonly grad_minimums?: Tensor;
  readonly order?: Tensor;
  /** The codes as stored, (rows, columns). */
  codes(): Promise<GroupedValues>;
}

/** @param trainsMinimums Where the grid has them. */
export async function trainedScales(
  arena: Arena,
  codes: () => Promise<GroupedValues>,
  name: string,
  trainsMinimums: boolean,
): Promise<TrainedScales> {
  const { packing, rows, columns, scales, zeros, order } = await codes();
  const groups = scales.length / rows;
  const make = (values: Float64Array, part: string) =>
    arena.own(arena.backend.fromArray(values, [rows, groups], `${name} ${part}`));
  const hasMinimums = packing.zero === 'minimum' && zeros !== undefined;
  return {
    ...{ kind: 'scales', rows, columns, group: groupSize(packing, columns), codes },
    scales: make(scales, 'scales'),
    grad_scales: arena.empty([rows, groups], `grad ${name} scales`),
    ...(hasMinimums && { minimums: make(zeros, 'minimums') }),
    ...(hasMinimums && trainsMinimums && { grad_minimums: arena.empty([rows, groups], `grad ${name} minimums`) }),
    ...(order && { order: arena.own(arena.backend.fromIds([...order], `${name} order`)) }),
  };
}

/** @returns The weight, and the whole numbers that its scales multiply: both (out, in), the arena's. */
export async function loadScaled(arena: Arena, trained: TrainedScales): Promise<{ weight: Tensor; kept: Tensor }> {
  const { rows, columns, scales, minimums, group, order } = trained;
  const { backend } = arena;
  const numbers = signedCodes(await trained.codes());
  const codes = arena.own(backend.fromArray(numbers, [rows, columns], `${scales.label} codes`));
  const weight = arena.empty([rows, columns], `${scales.label} weight`);
  backend.scale_groups({ codes, scales, minimums, group, order, output: weight });
  return { weight, kept: codes };
}

/** Of y = x·Wᵀ with dW = dyᵀ·x: grad_scales += Σ dW ⊙ codes and grad_minimums += Σ dW over a group. */
export function scalesBackward(arena: Arena, trained: TrainedScales, x: Tensor, dy: Tensor, codes: Tensor): void {
  const { backend } = arena;
  const { rows, columns, grad_scales, grad_minimums, group, order } = trained;
  const product = arena.workspace('trained_product', [rows, columns]);
  backend.matmul_at({ a: dy, b: x, output: product });
  backend.group_sums({ a: product, b: codes, group, order, output: grad_scales });
  if (grad_minimums) backend.group_sums({ a: product, group, order, output: grad_minimums });
}
