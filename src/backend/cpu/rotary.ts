/** @file CPU twin of `rotary`: turns the pairs of each head by the angle of the row's position. */
import type { RotaryArgs } from '../backend.ts';
import { checkRotary } from '../shapes.ts';
import { floats } from './tensor.ts';

export function rotary(args: RotaryArgs): void {
  const { rows, row_stride, half } = checkRotary(args);
  const states = floats(args.states);
  const cos = floats(args.cos);
  const sin = floats(args.sin);
  const [step, apart] = args.interleaved ? [2, 1] : [1, half];
  for (let row = 0; row < rows; row++) {
    const angles = (row % args.seqlen) * half;
    for (let head = 0; head < args.heads; head++) {
      const first = row * row_stride + head * args.head_dim;
      for (let i = 0; i < half; i++) {
        const c = cos[angles + i];
        const s = sin[angles + i];
        const low = first + step * i;
        const x = states[low];
        const y = states[low + apart];
        states[low] = x * c - y * s;
        states[low + apart] = y * c + x * s;
      }
    }
  }
}
