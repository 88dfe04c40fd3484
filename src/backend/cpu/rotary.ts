/** @file CPU twin of `rotary`: turns the pairs (i, i + dim/2) of each head by the angle of the row's position. */
import type { RotaryArgs } from '../backend.ts';
import { checkRotary } from '../shapes.ts';
import { floats } from './tensor.ts';

export function rotary(args: RotaryArgs): void {
  const { rows, row_stride, half } = checkRotary(args);
  const states = floats(args.states);
  const cos = floats(args.cos);
  const sin = floats(args.sin);
  for (let row = 0; row < rows; row++) {
    const angles = (row % args.seqlen) * half;
    for (let head = 0; head < args.heads; head++) {
      const first = row * row_stride + head * args.head_dim;
      for (let i = 0; i < half; i++) {
        const c = cos[angles + i];
        const s = sin[angles + i];
        const x = states[first + i];
        const y = states[first + half + i];
        states[first + i] = x * c - y * s;
        states[first + half + i] = y * c + x * s;
      }
    }
  }
}
