/** @file CPU twin of `group_sums`: output[r, g] += Σ a[r, c] · b[r, c] over a group's columns, the sum in f64. */
import { checkGroupSums } from '../shapes.ts';
import type { GroupSumsArgs } from '../training_kernels.ts';
import { floats, ids } from './tensor.ts';

export function group_sums(args: GroupSumsArgs): void {
  const { rows, d, group, groups } = checkGroupSums(args);
  const a = floats(args.a);
  const b = args.b && floats(args.b);
  const output = floats(args.output);
  const order = args.order && ids(args.order);
  for (let row = 0; row < rows; row++) {
    for (let index = 0; index < groups; index++) {
      const end = Math.min(d, (index + 1) * group);
      let sum = 0;
      for (let place = index * group; place < end; place++) {
        const at = row * d + (order ? order[place] : place);
        sum += b ? a[at] * b[at] : a[at];
      }
      output[row * groups + index] += sum;
    }
  }
}
