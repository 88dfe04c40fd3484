/** @file Checks of the kernels of grids: numbers that groups of columns share. */
import type { Tensor } from '../backend.ts';
import type {
  ColumnGroups,
  FakeQuantizeArgs,
  FakeQuantizeBackwardArgs,
  GroupSumsArgs,
  ScaleGroupsArgs,
} from '../training_kernels.ts';
import { fail, matrix, requireDistinct, requireIds, requireInteger, requireMatrix } from './check.ts';

export interface GroupSizes {
  rows: number;
  d: number;
  group: number;
  groups: number;
}

function groupSizes(kernel: string, name: string, tensor: Tensor, { group, order }: ColumnGroups): GroupSizes {
  const [rows, d] = matrix(kernel, name, tensor);
  requireInteger(kernel, 'group', group, 1);
  if (order) requireIds(kernel, 'order', order, d);
  return { rows, d, group, groups: Math.ceil(d / group) };
}

export function checkFakeQuantize(args: FakeQuantizeArgs): GroupSizes {
  const sizes = checkGrid('fake_quantize', args);
  requireMatrix('fake_quantize', 'output', args.output, sizes.rows, sizes.d);
  requireDistinct('fake_quantize', args.output, args.weight, args.scales, args.zeros);
  return sizes;
}

export function checkFakeQuantizeBackward(args: FakeQuantizeBackwardArgs): GroupSizes {
  const name = 'fake_quantize_backward';
  const sizes = checkGrid(name, args);
  requireMatrix(name, 'gradient', args.gradient, sizes.rows, sizes.d);
  requireDistinct(name, args.gradient, args.weight, args.scales, args.zeros);
  return sizes;
}

function checkGrid(kernel: string, args: Omit<FakeQuantizeArgs, 'output'>): GroupSizes {
  const { scales, zeros, lowest, highest, weight } = args;
  const sizes = groupSizes(kernel, 'weight', weight, args);
  requireMatrix(kernel, 'scales', scales, sizes.rows, sizes.groups);
  if (zeros) requireMatrix(kernel, 'zeros', zeros, sizes.rows, sizes.groups);
  if (!(lowest < highest)) fail(kernel, `lowest is ${lowest} and highest ${highest}`, 'lowest < highest');
  return sizes;
}

export function checkScaleGroups(args: ScaleGroupsArgs): GroupSizes {
  const { codes, scales, minimums, output } = args;
  const sizes = groupSizes('scale_groups', 'codes', codes, args);
  requireMatrix('scale_groups', 'scales', scales, sizes.rows, sizes.groups);
  if (minimums) requireMatrix('scale_groups', 'minimums', minimums, sizes.rows, sizes.groups);
  requireMatrix('scale_groups', 'output', output, sizes.rows, sizes.d);
  requireDistinct('scale_groups', output, codes, scales, minimums);
  return sizes;
}

export function checkGroupSums(args: GroupSumsArgs): GroupSizes {
  const { a, b, output } = args;
  const sizes = groupSizes('group_sums', 'a', a, args);
  if (b) requireMatrix('group_sums', 'b', b, sizes.rows, sizes.d);
  requireMatrix('group_sums', 'output', output, sizes.rows, sizes.groups);
  requireDistinct('group_sums', output, a, b);
  return sizes;
}
