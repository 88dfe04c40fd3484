import { describe, expect, it } from 'vitest';
import { createSharedMemory, SharedHeap } from './heap.ts';

function newHeap(): SharedHeap {
  return new SharedHeap(createSharedMemory() as WebAssembly.Memory);
}

/** Numbers in [0, 1) from a seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('the shared heap', () => {
  it('knows its arrays, also when another memory of the thread has grown', () => {
    const [heap, other] = [newHeap(), newHeap()];
    const before = heap.floats(4);
    other.floats(2 ** 22);
    const after = [heap.floats(4), heap.doubles(4), heap.words(4), heap.bytes(4)];
    for (const { buffer } of [before, ...after]) expect(heap.holds(buffer)).toBe(true);
    for (const { buffer } of after) expect(other.holds(buffer)).toBe(false);
  });

  it('gives blocks that never overlap, in any order of taking and giving back', () => {
    const heap = newHeap();
    const next = seeded(1);
    const live: { values: Uint32Array; mark: number }[] = [];
    for (let step = 0; step < 3000; step++) {
      if (live.length > 0 && next() < 0.48) {
        const [{ values, mark }] = live.splice(Math.floor(next() * live.length), 1);
        expect(values.every((value) => value === mark)).toBe(true);
        heap.release(values.byteOffset);
      } else {
        const values = heap.words(Math.floor(next() ** 4 * 20_000));
        live.push({ values: values.fill(step), mark: step });
      }
    }
    for (const { values, mark } of live) expect(values.every((value) => value === mark)).toBe(true);
  });

  it('uses again what was given back, also from several neighbours', () => {
    const heap = newHeap();
    const blocks = Array.from({ length: 6 }, () => heap.allocate(1000));
    const after = heap.allocate(10);
    const bytes = heap.memory.buffer.byteLength;
    for (const i of [1, 3, 2, 5, 4, 0]) heap.release(blocks[i]);
    expect(heap.allocate(6000)).toBe(blocks[0]);
    expect(heap.memory.buffer.byteLength).toBe(bytes);
    heap.release(after);
  });

  it('grows, and arrays from before stay what they were', () => {
    const heap = newHeap();
    const before = heap.floats(4).fill(5);
    const after = heap.floats(2 ** 20);
    after[0] = 6;
    before[1] = 7;
    expect([...before]).toEqual([5, 7, 5, 5]);
    expect(before.buffer).not.toBe(after.buffer);
    expect([before, after].every(({ buffer }) => heap.holds(buffer))).toBe(true);
    expect(heap.holds(new ArrayBuffer(8))).toBe(false);
  });

  it('keeps every block on cache lines of its own', () => {
    const heap = newHeap();
    for (const bytes of [1, 63, 64, 65, 0]) expect(heap.allocate(bytes) % 64).toBe(0);
  });

  it('says that memory is short, and goes on with what there is', () => {
    const heap = newHeap();
    expect(() => heap.allocate(2 ** 33)).toThrow(RangeError);
    expect(heap.floats(100)).toHaveLength(100);
  });

  it('refuses a block that it has not given', () => {
    const heap = newHeap();
    const block = heap.allocate(100);
    heap.release(block);
    expect(() => heap.release(block)).toThrow(RangeError);
  });
});
