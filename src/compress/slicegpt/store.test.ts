/** What half precision cannot hold is stored in f32: no weight becomes infinite. */
import { afterAll, describe, expect, it } from 'vitest';
import { createCpuBackend } from '../../backend/cpu/cpu_backend.ts';
import { createNodeCrew } from '../../backend/wasm/testing.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import { memoryScratch } from '../../models/scratch.ts';
import { Arena } from '../../runtime/arena.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { WeightStore } from './store.ts';

const backend = createCpuBackend();
afterAll(() => backend.dispose());

const CASES = [
  [65_519, 'F16'],
  [65_520, 'F32'],
  [-65_520, 'F32'],
  [1e9, 'F32'],
] as const;

describe.each(CASES)('a largest weight of %d', (largest, dtype) => {
  const arena = new Arena(backend);
  const store = () => new WeightStore(arena, memoryScratch(), 'F16');
  const tensor = (values: readonly number[], shape: readonly number[]) =>
    arena.own(backend.fromArray(values, shape, 'w'));

  it(`is stored as ${dtype}`, async () => {
    const ref = await store().put(tensor([1, largest, 3, 4], [2, 2]), 'w');
    expect(ref.dtype).toBe(dtype);
    expect(decodeStored(await ref.read(), ref.dtype).every(Number.isFinite)).toBe(true);
  });

  it(`is stored as ${dtype} where it stands in the second block`, async () => {
    const values = [1, 2, 3, 4, 5, largest];
    const ref = await store().putBlocks('w', [3, 2], 2, async ({ start, end }) =>
      tensor(values.slice(2 * start, 2 * end), [end - start, 2]),
    );
    expect(ref).toMatchObject({ dtype, shape: [3, 2] });
    const found = decodeStored(await ref.read(), ref.dtype);
    expect([...found].slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
    expect(Math.abs(found[5] / largest - 1)).toBeLessThan(1e-3);
  });
});

it('keeps weights apart that are stored at once, although what passes is written into one array', async () => {
  const threaded = createWasmBackend(await createNodeCrew(1));
  try {
    expect(threaded.readHalves).toBeDefined();
    const arena = new Arena(threaded);
    const kept = memoryScratch();
    const taken = new Set<ArrayBufferLike>();
    // As a disk does, it looks at the bytes only some time after the call.
    const slow = {
      ...kept,
      append: async (bytes: Uint8Array) => {
        taken.add(bytes.buffer);
        await new Promise((resolve) => setTimeout(resolve, 5));
        return kept.append(bytes);
      },
    };
    const store = new WeightStore(arena, slow, 'F16');
    const put = (value: number, rows: number) =>
      store.put(
        arena.own(threaded.fromArray(new Float32Array(rows * 8).fill(value), [rows, 8], `w${value}`)),
        `w${value}`,
      );
    const refs = [await put(1, 40), ...(await Promise.all([put(2, 30), put(3, 40)])), await put(4, 8)];
    for (const [i, ref] of refs.entries()) {
      const found = decodeStored(await ref.read(), ref.dtype);
      expect(new Set(found)).toEqual(new Set([i + 1]));
    }
    // Two were on their way at once; what comes after them takes one of their arrays.
    expect(taken.size).toBe(2);
  } finally {
    threaded.dispose();
  }
});
