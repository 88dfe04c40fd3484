/** @file CPU twin of `fake_quantize`: each number to the nearest of its group's grid. */
import { checkFakeQuantize } from '../shapes.ts';
import type { FakeQuantizeArgs } from '../training_kernels.ts';
import { roundEven } from './round_even.ts';
import { floats, ids } from './tensor.ts';

export function fake_quantize(args: FakeQuantizeArgs): void {
  const { rows, d, group, groups } = checkFakeQuantize(args);
  const { lowest, highest } = args;
  const isMinimum = args.zero === 'minimum';
  const [weight, scales, output] = [floats(args.weight), floats(args.scales), floats(args.output)];
  const zeros = args.zeros && floats(args.zeros);
  const order = args.order && ids(args.order);
  for (let row = 0; row < rows; row++) {
    for (let index = 0; index < groups; index++) {
      const scale = scales[row * groups + index];
      const zero = zeros ? zeros[row * groups + index] : 0;
      const end = Math.min(d, (index + 1) * group);
      for (let place = index * group; place < end; place++) {
        const at = row * d + (order ? order[place] : place);
        if (scale === 0) {
          output[at] = isMinimum ? zero : 0;
          continue;
        }
        const w = weight[at];
        const code = isMinimum ? roundEven((w - zero) / scale) : roundEven(w / scale) + zero;
        const held = Math.max(lowest, Math.min(highest, code));
        output[at] = isMinimum ? scale * held + zero : scale * (held - zero);
      }
    }
  }
}
