/** @file CPU twin of `fake_quantize_backward`: no gradient where the clamp holds. */
import { checkFakeQuantizeBackward } from '../shapes.ts';
import type { FakeQuantizeBackwardArgs } from '../training_kernels.ts';
import { roundEven } from './round_even.ts';
import { floats, ids } from './tensor.ts';

export function fake_quantize_backward(args: FakeQuantizeBackwardArgs): void {
  const { rows, d, group, groups } = checkFakeQuantizeBackward(args);
  const { lowest, highest } = args;
  const isMinimum = args.zero === 'minimum';
  const [weight, scales, gradient] = [floats(args.weight), floats(args.scales), floats(args.gradient)];
  const zeros = args.zeros && floats(args.zeros);
  const order = args.order && ids(args.order);
  for (let row = 0; row < rows; row++) {
    for (let index = 0; index < groups; index++) {
      const scale = scales[row * groups + index];
      const zero = zeros ? zeros[row * groups + index] : 0;
      const end = Math.min(d, (index + 1) * group);
      for (let place = index * group; place < end; place++) {
        const at = row * d + (order ? order[place] : place);
        const code = isMinimum ? roundEven((weight[at] - zero) / scale) : roundEven(weight[at] / scale) + zero;
        if (scale === 0 || code < lowest || code > highest) gradient[at] = 0;
      }
    }
  }
}
