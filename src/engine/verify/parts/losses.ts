/** @file Losses of windows whose logits come in blocks of the vocabulary: log Σ exp is kept running, in f64. */

export class BlockLosses {
  private readonly largest: Float64Array;
  private readonly total: Float64Array;
  private readonly wanted: Float64Array;

  /** @param ids Of one window. */
  constructor(private readonly ids: Uint32Array) {
    this.largest = new Float64Array(ids.length).fill(Number.NEGATIVE_INFINITY);
    this.total = new Float64Array(ids.length);
    this.wanted = new Float64Array(ids.length).fill(Number.NaN);
  }

  /** Logits of tokens `start …`, (T, count). */
  add(logits: Float32Array, start: number): void {
    const count = logits.length / this.ids.length;
    for (let t = 0; t + 1 < this.ids.length; t++) {
      const row = logits.subarray(t * count, (t + 1) * count);
      let largest = this.largest[t];
      for (let i = 0; i < count; i++) if (row[i] > largest) largest = row[i];
      let total = this.total[t] === 0 ? 0 : this.total[t] * Math.exp(this.largest[t] - largest);
      for (let i = 0; i < count; i++) total += Math.exp(row[i] - largest);
      this.largest[t] = largest;
      this.total[t] = total;
      const next = this.ids[t + 1] - start;
      if (next >= 0 && next < count) this.wanted[t] = row[next];
    }
  }

  /** Mean loss in nats, as `meanLoss` gives it of whole logits. */
  mean(): number {
    let sum = 0;
    for (let t = 0; t + 1 < this.ids.length; t++) sum += this.largest[t] + Math.log(this.total[t]) - this.wanted[t];
    return sum / (this.ids.length - 1);
  }
}
