/** @file CPU twin of `rotary`: turns the pairs of each head by the angle of the row's position. */
import type { RotaryArgs } from '../backend.ts';
import { checkRotary } from '../shapes.ts';
import { type Floats, floats } from './tensor.ts';

export interface RotaryRows {
  states: Floats;
  cos: Floats;
  sin: Floats;
  seqlen: number;
  heads: number;
  head_dim: number;
  row_stride: number;
  /** Pairs of a head that turn. */
  half: number;
  /** From one pair to the next, and from the first of a pair to the second. */
  step: number;
  apart: number;
}

export function rotary(args: RotaryArgs): void {
  const { rows, ...task } = rotaryRows(args);
  turnRows(task, 0, rows);
}

/** The kernel as work on rows. */
export function rotaryRows(args: RotaryArgs): RotaryRows & { rows: number } {
  const { rows, row_stride, half } = checkRotary(args);
  const { seqlen, heads, head_dim } = args;
  return {
    ...{ rows, row_stride, half, seqlen, heads, head_dim },
    ...{ states: floats(args.states), cos: floats(args.cos), sin: floats(args.sin) },
    ...(args.interleaved ? { step: 2, apart: 1 } : { step: 1, apart: half }),
  };
}

export function turnRows(task: RotaryRows, start: number, end: number): void {
  const { states, cos, sin, seqlen, heads, head_dim, row_stride, half, step, apart } = task;
  for (let row = start; row < end; row++) {
    const angles = (row % seqlen) * half;
    for (let head = 0; head < heads; head++) {
      const first = row * row_stride + head * head_dim;
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
