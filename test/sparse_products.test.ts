/** Products with two of every four inputs stored, on every backend, against the f64 twin's with all of them. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend, SparseMatrix, Tensor } from '../src/backend/backend.ts';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { backendsUnderTest, normalisedError, randomIds, randomValues } from '../src/backend/testing.ts';
import { createNodeCrew } from '../src/backend/wasm/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import { sparseParts, storePacked } from '../src/models/packed/store.ts';
import type { SparseValues } from '../src/models/packed/values.ts';
import { memoryScratch } from '../src/models/scratch.ts';
import { f16ToNumber, numberToF16 } from '../src/tensor/half.ts';

const reference = createCpuBackend();
const backends = [
  ...(await backendsUnderTest()).filter(({ kind }) => kind === 'webgpu'),
  { kind: 'wasm on three threads', create: async () => createWasmBackend(await createNodeCrew(2)) },
  { kind: 'wasm in wide tiles', create: async () => createWasmBackend(await createNodeCrew(0), 'wide') },
];

const PAIRS = [
  [0, 1],
  [0, 2],
  [0, 3],
  [1, 2],
  [1, 3],
  [2, 3],
];

/** Some values are subnormal half floats, and some negative zeros. */
function valuesOf(rows: number, columns: number, floats: 'F16' | 'F32'): SparseValues {
  const numbers = randomValues(rows * columns, 1).map((x, i) => (i % 7 === 3 ? 1e-6 : i % 11 === 2 ? -0 : 1) * x);
  const pairs = randomIds((rows * columns) / 4, PAIRS.length, 2);
  const mask = new Uint8Array(rows * columns);
  pairs.forEach((pair, four) => {
    for (const place of PAIRS[pair]) mask[4 * four + place] = 1;
  });
  const rounded = (x: number) => (floats === 'F16' ? f16ToNumber(numberToF16(x)) : Math.fround(x));
  const values = Float64Array.from(mask, (bit, i) => (bit ? rounded(numbers[i]) : 0));
  return {
    packing: { kind: 'sparse', places: '2:4', kept: (rows * columns) / 2, floats },
    rows,
    columns,
    values,
    mask,
  };
}

async function matrixOf(values: SparseValues): Promise<SparseMatrix> {
  const { rows, columns, packing } = values;
  const ref = await storePacked(memoryScratch(), 'w', values);
  const parts = await sparseParts(ref, packing, { start: 0, end: rows });
  return { rows, columns, floats: packing.floats, ...(parts as NonNullable<typeof parts>) };
}

/** Rows, outputs, inputs: one row and few, ragged outputs, many rows, several panels and blocks of inputs. */
const SHAPES = [
  [1, 70, 100],
  [3, 301, 256],
  [37, 70, 100],
  [6, 1037, 804],
] as const;

describe.each(backends)('on $kind', ({ create }) => {
  let opened: Promise<Backend> | undefined;
  const open = () => {
    opened ??= create();
    return opened;
  };
  afterAll(async () => (await opened)?.dispose());

  const cases = SHAPES.flatMap((shape) => (['F16', 'F32'] as const).map((floats) => [...shape, floats] as const));
  it.each(cases)('multiplies %i rows to %i outputs from %i inputs in %s', async (m, n, k, floats) => {
    const backend = await open();
    const values = valuesOf(n, k, floats);
    const product = (b: Backend, weight: Tensor, way: string) => {
      const of = (rows: number, columns: number, seed: number) =>
        b.fromArray(randomValues(rows * columns, seed), [rows, columns], 'x');
      const output = of(m, n, 6);
      const gate = { states: of(m, n, 7), activation: 'silu' as const };
      const more = { plain: {}, accumulate: { accumulate: true }, factors: { gate, row_scale: of(m, 1, 8) } }[way];
      b.matmul_bt({ a: of(m, k, 5), b: weight, output, ...more });
      return b.read(output);
    };
    const before = backend.memory.currentBytes;
    const own = backend.packSparse?.(await matrixOf(values), 'sparse') as Tensor;
    expect(own.type).toBe('packed');
    // Rows are held in fours on the CPU, bytes of places in words on the device.
    const bytes = ((n * k) / 2) * (floats === 'F16' ? 2.25 : 4.25);
    expect((backend.memory.currentBytes - before) / bytes).toBeGreaterThanOrEqual(1);
    expect((backend.memory.currentBytes - before) / bytes).toBeLessThan(n % 4 === 0 ? 1.001 : 1.05);
    const dense = reference.fromArray(values.values, [n, k], 'dense');
    for (const way of n > 1000 ? ['plain'] : ['plain', 'accumulate', 'factors']) {
      const [found, expected] = [await product(backend, own, way), await product(reference, dense, way)];
      expect(normalisedError(found, expected), way).toBeLessThan(1e-12);
    }
    own.dispose();
  });

  it('holds rows that are no whole fours as floats', async () => {
    const backend = await open();
    const nothing = new Uint8Array(64);
    const matrix = { rows: 2, columns: 6, floats: 'F16', values: nothing, places: nothing } as const;
    expect(backend.packSparse?.(matrix, 'ragged')).toBeUndefined();
  });
});
