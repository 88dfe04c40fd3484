/** Losses by the table of exponentials, against sums of `Math.exp` over whole rows. */
import { describe, expect, it } from 'vitest';
import { meanLoss, sumOfExp, WindowLoss } from './losses.ts';

const SEQLEN = 5;
const VOCABULARY = 4096;

/** Of a linear congruential generator, in [0, 1). */
function numbers(count: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return state / 2 ** 31;
  });
}

const IDS = Uint32Array.from(numbers(SEQLEN, 3), (x) => Math.floor(x * VOCABULARY));

function logitsOf(spread: number, seed = 1): Float32Array {
  return Float32Array.from(numbers(SEQLEN * VOCABULARY, seed), (x) => (x - 0.7) * spread);
}

function plainLoss(logits: Float32Array, ids: Uint32Array): number {
  const losses = Array.from({ length: ids.length - 1 }, (_, t) => {
    const row = Array.from(logits.subarray(t * VOCABULARY, (t + 1) * VOCABULARY));
    const largest = row.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY);
    return largest + Math.log(row.reduce((sum, x) => sum + Math.exp(x - largest), 0)) - row[ids[t + 1]];
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

describe('losses of a verified file', () => {
  it('sums exponentials to 1e-12, from one octave to far below the last', () => {
    for (const spread of [1e-6, 0.5, 1, 20, 100, 300, 1e4]) {
      const values = logitsOf(spread).map((x) => Math.min(x, 0));
      const expected = values.reduce((sum, x) => sum + Math.exp(x), 0);
      expect(Math.abs(sumOfExp(values, 0) / expected - 1)).toBeLessThan(1e-12);
    }
    expect(sumOfExp(Float32Array.of(0, Number.NEGATIVE_INFINITY), 0)).toBe(1);
  });

  it.each([0.01, 1, 30, 1000])(
    'means the loss of logits %d wide, whole and in blocks of any order of size',
    (spread) => {
      const logits = logitsOf(spread);
      const expected = plainLoss(logits, IDS);
      expect(Math.abs(meanLoss(logits, IDS) - expected)).toBeLessThan(1e-11 * Math.max(1, spread));
      const loss = new WindowLoss(IDS);
      for (const [start, end] of [
        [0, 1],
        [1, 3000],
        [3000, VOCABULARY],
      ]) {
        const rows = Array.from({ length: SEQLEN }, (_, t) =>
          Array.from(logits.subarray(t * VOCABULARY + start, t * VOCABULARY + end)),
        );
        loss.add(Float32Array.from(rows.flat()), start);
      }
      expect(Math.abs(loss.mean() - expected)).toBeLessThan(1e-11 * Math.max(1, spread));
    },
  );

  it('is no number where a logit of a window is none, or infinite, whichever it is', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const at of [0, 17, VOCABULARY - 1]) {
        const logits = logitsOf(3);
        logits[VOCABULARY + at] = bad;
        expect(meanLoss(logits, IDS)).toBeNaN();
      }
    }
    expect(meanLoss(new Float32Array(SEQLEN * VOCABULARY).fill(Number.NEGATIVE_INFINITY), IDS)).toBeNaN();
  });
});
