/** @file CPU twin of `scale_groups`: codes times their group's scale, and its minimum added. */
import { checkScaleGroups } from '../shapes.ts';
import type { ScaleGroupsArgs } from '../training_kernels.ts';
import { floats, ids } from './tensor.ts';

export function scale_groups(args: ScaleGroupsArgs): void {
  const { rows, d, group, groups } = checkScaleGroups(args);
  const [codes, scales, output] = [floats(args.codes), floats(args.scales), floats(args.output)];
  const minimums = args.minimums && floats(args.minimums);
  const order = args.order && ids(args.order);
  for (let row = 0; row < rows; row++) {
    for (let index = 0; index < groups; index++) {
      const scale = scales[row * groups + index];
      const minimum = minimums ? minimums[row * groups + index] : 0;
      const end = Math.min(d, (index + 1) * group);
      for (let place = index * group; place < end; place++) {
        const at = row * d + (order ? order[place] : place);
        output[at] = codes[at] * scale + minimum;
      }
    }
  }
}
