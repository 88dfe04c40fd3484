/**
 * @file Losses of a window from the logits that a runtime gave, whole or in blocks of the vocabulary: log Σ exp is kept running, in
 * f64. A vocabulary times a text are ten million exponentials a window, all on the one thread that waits for the runtime, so
 * they are taken here from a table and a short polynomial: a third of the time of `Math.exp`, and right to 1e-12.
 */

/** Steps of the table an octave. */
const STEPS = 64;
/** What lies so many octaves below the largest logit adds nothing to the sum, whatever the vocabulary. */
const OCTAVES = 160;
/** 2^(−k / STEPS). */
const POWERS = Float64Array.from({ length: STEPS * OCTAVES }, (_, k) => 2 ** (-k / STEPS));

/** Σ exp(x − largest); NaN where a value is, or where `largest` is infinite. @param largest None of the values is larger. */
export function sumOfExp(values: Float32Array, largest: number): number {
  const scale = STEPS * Math.LOG2E;
  const end = POWERS.length;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const steps = (largest - values[i]) * scale;
    // NaN is not larger than anything, and goes on into the sum.
    if (steps >= end) continue;
    const whole = steps | 0;
    const rest = (whole - steps) * (Math.LN2 / STEPS);
    sum += POWERS[whole] * (1 + rest * (1 + rest * (1 / 2 + rest * (1 / 6 + rest * (1 / 24)))));
  }
  return sum;
}

export class WindowLoss {
  private readonly largest: Float64Array;
  private readonly total: Float64Array;
  private readonly wanted: Float64Array;

  /** @param ids Of one window. */
  constructor(private readonly ids: Uint32Array) {
    this.largest = new Float64Array(ids.length).fill(Number.NEGATIVE_INFINITY);
    this.total = new Float64Array(ids.length);
    this.wanted = new Float64Array(ids.length).fill(Number.NaN);
  }

  /** Logits of tokens `start …`, (T, count), row-major. */
  add(logits: Float32Array, start: number): void {
    const count = logits.length / this.ids.length;
    for (let t = 0; t + 1 < this.ids.length; t++) {
      const row = logits.subarray(t * count, (t + 1) * count);
      let largest = this.largest[t];
      for (let i = 0; i < count; i++) if (row[i] > largest) largest = row[i];
      const before = this.total[t] === 0 ? 0 : this.total[t] * Math.exp(this.largest[t] - largest);
      this.total[t] = before + sumOfExp(row, largest);
      this.largest[t] = largest;
      const next = this.ids[t + 1] - start;
      if (next >= 0 && next < count) this.wanted[t] = row[next];
    }
  }

  /** Mean of −log softmax(logits[t])[ids[t + 1]] over t = 0 … T − 2, in nats. */
  mean(): number {
    let sum = 0;
    for (let t = 0; t + 1 < this.ids.length; t++) sum += this.largest[t] + Math.log(this.total[t]) - this.wanted[t];
    return sum / (this.ids.length - 1);
  }
}

/** Of whole logits, (T, vocabulary): {@link WindowLoss.mean}. */
export function meanLoss(logits: Float32Array, ids: Uint32Array): number {
  const loss = new WindowLoss(ids);
  loss.add(logits, 0);
  return loss.mean();
}
