/** @file CPU twin of `compare_logits`: a block of the vocabulary of the sums that give the divergence of two heads. */
import type { CompareLogitsArgs } from '../backend.ts';
import { checkCompareLogits } from '../shapes.ts';
import { type Floats, floats } from './tensor.ts';

export interface CompareLogitsRows {
  n: number;
  first_column: number;
  dense: Floats;
  own: Floats;
  dense_state: Floats;
  own_state: Floats;
  state: Floats;
}

/** Above this exp would be infinite in f32; a divergence with such a term is not taken from these sums. */
const LARGEST_EXPONENT = 80;

export function compareRows(task: CompareLogitsRows, begin: number, end: number): void {
  const { n, first_column, dense, own, dense_state, own_state, state } = task;
  for (let row = begin; row < end; row++) {
    const at = 8 * row;
    const [maximum, own_maximum] = [dense_state[4 * row], own_state[4 * row]];
    const isFirst = first_column === 0;
    const shift = isFirst ? own_maximum - maximum : state[at + 6];
    const rescaled = isFirst ? 0 : Math.exp(state[at] - maximum);
    let place = -1;
    let own_place = -1;
    let moved = 0;
    let excess = 0;
    for (let c = 0, i = row * n; c < n; c++, i++) {
      const [x, y] = [dense[i], own[i]];
      if (x === maximum && place < 0) place = c;
      if (y === own_maximum && own_place < 0) own_place = c;
      const d = y - x - shift;
      const w = Math.exp(x - maximum);
      moved += w * d;
      excess += Math.abs(d) <= 0.5 ? w * (Math.expm1(d) - d) : exponential(y - shift - maximum) - w - w * d;
    }
    if (isFirst || maximum > state[at]) state[at + 2] = first_column + place;
    if (isFirst || own_maximum > state[at + 1]) state[at + 3] = first_column + own_place;
    state[at] = maximum;
    state[at + 1] = own_maximum;
    state[at + 4] = (isFirst ? 0 : state[at + 4] * rescaled) + moved;
    state[at + 5] = (isFirst ? 0 : state[at + 5] * rescaled) + excess;
    state[at + 6] = shift;
    state[at + 7] = 0;
  }
}

function exponential(x: number): number {
  return Math.exp(Math.min(x, LARGEST_EXPONENT));
}

export function compare_logits(args: CompareLogitsArgs): void {
  const { rows, n } = checkCompareLogits(args);
  const { first_column } = args;
  const [dense, own, state] = [args.dense, args.own, args.state].map(floats);
  const [dense_state, own_state] = [args.dense_state, args.own_state].map(floats);
  compareRows({ n, first_column, dense, own, dense_state, own_state, state }, 0, rows);
}
