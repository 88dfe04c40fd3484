/** @file The merges of BPE, applied in order of rank, leftmost first, by a heap: n log n for a piece of any length. */
import { PairTable } from './pair_table.ts';

/** Positions are below this in a heap key; a piece cannot be longer. */
const POSITIONS = 2 ** 30;

export class Merges {
  private readonly table: PairTable;
  private readonly results: number[] = [];
  private readonly ranks: number[] = [];
  private heap = new Float64Array(64);
  private heapMerge = new Int32Array(64);
  private size = 0;

  constructor(expected: number) {
    this.table = new PairTable(expected);
  }

  /** Merges come in order of rank; of two for one pair the later counts. */
  add(left: number, right: number, result: number, rank: number): void {
    this.table.set(left, right, this.results.length);
    this.results.push(result);
    this.ranks.push(rank);
  }

  /** Merges ids in place of the piece; returns the ids that are left. */
  apply(ids: readonly number[]): number[] {
    const n = ids.length;
    const symbols = Int32Array.from(ids);
    const next = new Int32Array(n);
    const previous = new Int32Array(n);
    this.size = 0;
    for (let i = 0; i < n; i++) {
      next[i] = i + 1;
      previous[i] = i - 1;
      if (i > 0) this.offer(symbols, i - 1, i);
    }
    while (this.size > 0) {
      const position = this.heap[0]! % POSITIONS;
      const result = this.results[this.heapMerge[0]!]!;
      this.pop();
      // Symbols that were merged away are −1; an entry counts only while its pair still makes the same token.
      const right = next[position]!;
      if (symbols[position] === -1 || right >= n) continue;
      const merge = this.table.get(symbols[position]!, symbols[right]!);
      if (merge < 0 || this.results[merge] !== result) continue;
      symbols[position] = result;
      symbols[right] = -1;
      const after = next[right]!;
      next[position] = after;
      if (after < n) previous[after] = position;
      if (previous[position]! >= 0) this.offer(symbols, previous[position]!, position);
      if (after < n) this.offer(symbols, position, after);
    }
    const left: number[] = [];
    for (let i = 0; i < n; i = next[i]!) left.push(symbols[i]!);
    return left;
  }

  private offer(symbols: Int32Array, left: number, right: number): void {
    const merge = this.table.get(symbols[left]!, symbols[right]!);
    if (merge >= 0) this.push(this.ranks[merge]! * POSITIONS + left, merge);
  }

  private push(key: number, merge: number): void {
    if (this.size === this.heap.length) {
      const heap = new Float64Array(this.size * 2);
      heap.set(this.heap);
      this.heap = heap;
      const merges = new Int32Array(this.size * 2);
      merges.set(this.heapMerge);
      this.heapMerge = merges;
    }
    let i = this.size++;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (this.heap[parent]! <= key) break;
      this.heap[i] = this.heap[parent]!;
      this.heapMerge[i] = this.heapMerge[parent]!;
      i = parent;
    }
    this.heap[i] = key;
    this.heapMerge[i] = merge;
  }

  private pop(): void {
    const last = --this.size;
    const key = this.heap[last]!;
    const merge = this.heapMerge[last]!;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= last) break;
      if (child + 1 < last && this.heap[child + 1]! < this.heap[child]!) child++;
      if (this.heap[child]! >= key) break;
      this.heap[i] = this.heap[child]!;
      this.heapMerge[i] = this.heapMerge[child]!;
      i = child;
    }
    this.heap[i] = key;
    this.heapMerge[i] = merge;
  }
}
