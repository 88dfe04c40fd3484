/** @file A hash table from two whole numbers to one, in typed arrays: merges of BPE and the edges of a trie. */

const EMPTY = -1;

export class PairTable {
  private lefts: Int32Array;
  private rights: Int32Array;
  private values: Int32Array;
  private mask: number;
  private count = 0;

  constructor(expected: number) {
    let capacity = 16;
    while (capacity < expected * 2) capacity *= 2;
    this.mask = capacity - 1;
    this.lefts = new Int32Array(capacity).fill(EMPTY);
    this.rights = new Int32Array(capacity);
    this.values = new Int32Array(capacity);
  }

  /** Value of a pair, −1 where there is none. Neither number is negative. */
  get(left: number, right: number): number {
    const slot = this.slot(left, right);
    return this.lefts[slot] === EMPTY ? -1 : this.values[slot]!;
  }

  set(left: number, right: number, value: number): void {
    if (this.count * 2 > this.mask) this.grow();
    const slot = this.slot(left, right);
    if (this.lefts[slot] === EMPTY) this.count++;
    this.lefts[slot] = left;
    this.rights[slot] = right;
    this.values[slot] = value;
  }

  private slot(left: number, right: number): number {
    let slot = (Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) >>> 0;
    slot = (slot ^ (slot >>> 15)) & this.mask;
    while (this.lefts[slot] !== EMPTY && !(this.lefts[slot] === left && this.rights[slot] === right)) {
      slot = (slot + 1) & this.mask;
    }
    return slot;
  }

  private grow(): void {
    const { lefts, rights, values } = this;
    const capacity = lefts.length * 2;
    this.mask = capacity - 1;
    this.lefts = new Int32Array(capacity).fill(EMPTY);
    this.rights = new Int32Array(capacity);
    this.values = new Int32Array(capacity);
    this.count = 0;
    for (let i = 0; i < lefts.length; i++) if (lefts[i] !== EMPTY) this.set(lefts[i]!, rights[i]!, values[i]!);
  }
}
