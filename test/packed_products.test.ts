/** Products with grouped integers, as they are stored, against the f64 twin's with the numbers that the integers stand for. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend, Tensor } from '../src/backend/backend.ts';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { normalisedError, randomValues } from '../src/backend/testing.ts';
import { createNodeCrew } from '../src/backend/wasm/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import { dense } from '../src/models/packed/dense.ts';
import { type Grouped, groupsOf } from '../src/models/packed/packing.ts';
import { groupedParts, storePacked } from '../src/models/packed/store.ts';
import type { GroupedValues } from '../src/models/packed/values.ts';
import { memoryScratch } from '../src/models/scratch.ts';
import { decodeStored } from '../src/tensor/decode.ts';
import { blockOf } from '../src/tensor/dtype.ts';
import { f16ToNumber, numberToF16 } from '../src/tensor/half.ts';

const backend = createWasmBackend(await createNodeCrew(2), undefined, false);
const wide = createWasmBackend(await createNodeCrew(0), 'wide', false);
/** Where engines are fast at bytes, many rows meet codes as bytes. */
const bytewise = createWasmBackend(await createNodeCrew(2), undefined, true);
const bytewiseWide = createWasmBackend(await createNodeCrew(0), 'wide', true);
const reference = createCpuBackend();
afterAll(() => {
  for (const each of [backend, wide, bytewise, bytewiseWide]) each.dispose();
});

const half = (value: number) => f16ToNumber(numberToF16(value));

type Form = Omit<Grouped, 'kind'>;

function valuesOf(rows: number, columns: number, form: Form): GroupedValues {
  const packing: Grouped = { kind: 'grouped', ...form };
  const groups = groupsOf(packing, columns);
  const uniform = (count: number, seed: number) => randomValues(count, seed).map((x) => Math.abs(x) % 1);
  const top = 2 ** form.bits;
  const rounded = form.scale === 'F16' ? half : Math.fround;
  const middle = form.zero === 'symmetric' ? top / 2 : 0;
  return {
    ...{ packing, rows, columns },
    codes: Uint8Array.from(uniform(rows * columns, 1), (x) => Math.floor(x * top) - middle),
    scales: Float64Array.from(uniform(rows * groups, 2), (x) => rounded(0.01 + x)),
    ...(form.zero === 'integer' && { zeros: Float64Array.from(uniform(rows * groups, 3), (x) => Math.floor(x * top)) }),
    ...(form.zero === 'minimum' && { zeros: Float64Array.from(randomValues(rows * groups, 3), half) }),
  };
}

/** The matrix on the device, from what a scratch store holds of it. */
async function packed(values: GroupedValues, on: Backend = backend): Promise<Tensor | undefined> {
  const { packing, rows, columns } = values;
  const ref = await storePacked(memoryScratch(), 'w', values);
  const parts = await groupedParts(ref, packing, { start: 0, end: rows });
  return parts && on.pack?.({ ...packing, ...parts, rows, columns }, 'packed');
}

/** Any codes; scales, and minimums, that are finite. */
function randomBlocks(dtype: 'Q4_0' | 'Q4_1' | 'Q8_0' | 'Q4_K', count: number): Uint8Array {
  const { bytes, elements } = blockOf(dtype);
  const length = (count / elements) * bytes;
  const blocks = Uint8Array.from(randomValues(length, 9), (x) => Math.floor(Math.abs(x * 997) % 256));
  const halves = dtype === 'Q4_1' || dtype === 'Q4_K' ? 2 : 1;
  const view = new DataView(blocks.buffer);
  for (const [i, scale] of randomValues((count / elements) * halves, 10).entries()) {
    view.setUint16(Math.floor(i / halves) * bytes + 2 * (i % halves), numberToF16(scale), true);
  }
  return blocks;
}

async function product(on: Backend, b: Tensor, m: number, n: number, k: number) {
  const a = on.fromArray(randomValues(m * k, 5), [m, k], 'a');
  const output = on.empty([m, n], 'output');
  on.matmul_bt({ a, b, output });
  const found = await on.read(output);
  for (const tensor of [a, output]) tensor.dispose();
  return found;
}

const FORMS: [name: string, form: Form][] = ([2, 3, 4, 8] as const).flatMap((bits) =>
  (['symmetric', 'integer', 'minimum'] as const).map(
    (zero) => [`int${bits} ${zero}`, { bits, group: 32, zero, scale: 'F16' }] as [string, Form],
  ),
);
FORMS.push(['int8 row', { bits: 8, group: 'row', zero: 'symmetric', scale: 'F32' }]);
FORMS.push(['int4 of groups of 96', { bits: 4, group: 96, zero: 'integer', scale: 'F16' }]);
FORMS.push(['int3 of groups of 160', { bits: 3, group: 160, zero: 'minimum', scale: 'F16' }]);
FORMS.push(['int4 row', { bits: 4, group: 'row', zero: 'minimum', scale: 'F16' }]);

/** Rows, outputs, inputs: ragged blocks and groups, one row and many, more than one panel. */
const SHAPES = [
  [1, 70, 100],
  [3, 301, 256],
  [37, 70, 100],
  [37, 70, 192],
  [14, 33, 480],
] as const;

describe.each(FORMS)('%s', (name, form) => {
  // A product of several panels takes the twin long.
  const more = { 'int4 integer': [5, 1700, 320], 'int3 of groups of 160': [6, 13, 803] } as Record<
    string,
    readonly number[]
  >;
  it.each([...SHAPES, ...(more[name] ? [more[name]] : [])] as (readonly [number, number, number])[])(
    'multiplies %i rows to %i outputs from %i inputs',
    async (m, n, k) => {
      const values = valuesOf(n, k, form);
      const numbers = dense(values);
      const fused = (b: Backend, weight: Tensor, which: object) => {
        const a = b.fromArray(randomValues(m * k, 5), [m, k], 'a');
        const output = b.fromArray(randomValues(m * n, 6), [m, n], 'output');
        const gate = { states: b.fromArray(randomValues(m * n, 7), [m, n], 'gate'), activation: 'silu' as const };
        const row_scale = b.fromArray(randomValues(m, 8), [m, 1], 'row_scale');
        const all = { accumulate: { accumulate: true }, gate: { gate, row_scale }, plain: {} } as Record<
          string,
          object
        >;
        b.matmul_bt({ a, b: weight, output, ...all[(which as { way: string }).way] });
        return b.read(output);
      };
      const own = (await packed(values)) as Tensor;
      const others = m > 4 ? await Promise.all([wide, bytewise, bytewiseWide].map((each) => packed(values, each))) : [];
      const areBytes = form.bits < 8 && k % 32 === 0;
      expect(own.type).toBe('packed');
      const weight = reference.fromArray(numbers, [n, k], 'dense');
      for (const way of ['plain', 'accumulate', 'gate']) {
        const [found, expected] = [await fused(backend, own, { way }), await fused(reference, weight, { way })];
        // Inputs of few rows are rounded to 16 bits; sums of many rows are in f32.
        expect(normalisedError(found, expected), way).toBeLessThan(m <= 4 ? 1e-9 : 1e-12);
        if (others.length === 0) continue;
        const [wider, bytes, widerBytes] = others as Tensor[];
        // The width of tiles changes no bit.
        expect(await fused(wide, wider, { way })).toEqual(found);
        const byBytes = await fused(bytewise, bytes, { way });
        expect(normalisedError(byBytes, expected), way).toBeLessThan(1e-9);
        expect(await fused(bytewiseWide, widerBytes, { way })).toEqual(byBytes);
        // Inputs are rounded: what went by floats after all would have the floats' bits.
        if (way === 'plain') expect(areBytes).toBe(byBytes.some((value, i) => value !== found[i]));
      }
      own.dispose();
      for (const other of others) other?.dispose();
    },
  );
});

describe.each(['Q4_0', 'Q4_1', 'Q8_0', 'Q4_K'] as const)('blocks of %s, as a file has them', (dtype) => {
  const [n, k] = [72, 768];
  const bytes = randomBlocks(dtype, n * k);
  it.each([1, 3, 37])('multiply %i rows', async (m) => {
    const numbers = decodeStored(bytes, dtype);
    const expected = await product(reference, reference.fromArray(numbers, [n, k], 'w'), m, n, k);
    for (const each of [backend, wide, bytewise, bytewiseWide]) {
      const before = each.memory.currentBytes;
      const own = each.packBlocks?.(bytes, dtype, [n, k], 'w') as Tensor;
      expect(own.type).toBe('packed');
      expect(each.memory.currentBytes - before).toBe(n * k * (each.info.packsBlocks?.[dtype] ?? 0));
      expect(normalisedError(await product(each, own, m, n, k), expected)).toBeLessThan(1e-9);
      own.dispose();
    }
  });

  it('are held as floats where rows are no whole fours or a scale is no number', () => {
    const row = bytes.length / n;
    expect(backend.packBlocks?.(bytes.subarray(0, 3 * row), dtype, [3, k], 'w')).toBeUndefined();
    const broken = bytes.slice();
    broken.set([0x00, 0x7c], row * 5);
    expect(backend.packBlocks?.(broken, dtype, [n, k], 'w')).toBeUndefined();
  });
});

it('multiplies as many rows as take several lots of panels', async () => {
  const [m, n, k] = [233, 16, 32768];
  const values = valuesOf(n, k, { bits: 4, group: 32, zero: 'minimum', scale: 'F16' });
  const own = (await packed(values, bytewise)) as Tensor;
  const weight = reference.fromArray(dense(values), [n, k], 'dense');
  const expected = await product(reference, weight, m, n, k);
  expect(normalisedError(await product(bytewise, own, m, n, k), expected)).toBeLessThan(1e-9);
});

it('tells a number that is not finite in the rows that have one, and in no other', async () => {
  const [m, n, k] = [9, 16, 64];
  const own = (await packed(valuesOf(n, k, { bits: 4, group: 32, zero: 'minimum', scale: 'F16' }), bytewise)) as Tensor;
  const inputs = randomValues(m * k, 5);
  inputs[2 * k + 40] = Number.NaN;
  inputs[7 * k + 3] = Number.NEGATIVE_INFINITY;
  const a = bytewise.fromArray(inputs, [m, k], 'a');
  const output = bytewise.empty([m, n], 'output');
  bytewise.matmul_bt({ a, b: own, output });
  const found = await bytewise.read(output);
  const rows = Array.from({ length: m }, (_, row) => found.slice(row * n, (row + 1) * n).every(Number.isFinite));
  expect(rows).toEqual([true, true, false, true, true, true, true, false, true]);
});

it('knows rows of zeros, and numbers too small for a scale', async () => {
  const [m, n, k] = [6, 16, 64];
  const own = (await packed(valuesOf(n, k, { bits: 3, group: 32, zero: 'integer', scale: 'F16' }), bytewise)) as Tensor;
  const a = bytewise.fromArray(new Array(m * k).fill(0).fill(1e-42, k, 2 * k), [m, k], 'a');
  const output = bytewise.empty([m, n], 'output');
  bytewise.matmul_bt({ a, b: own, output });
  for (const value of await bytewise.read(output)) expect(Math.abs(value)).toBeLessThan(1e-35);
});

it('holds what fits no blocks as floats, and takes packed matrices nowhere else', async () => {
  const form: Form = { bits: 4, group: 16, zero: 'integer', scale: 'F16' };
  expect(await packed(valuesOf(4, 64, form))).toBeUndefined();
  const ordered = {
    ...valuesOf(4, 64, { ...form, group: 32, ordered: true }),
    order: Uint16Array.from({ length: 64 }, (_, i) => 63 - i),
  };
  expect(await packed(ordered)).toBeUndefined();
  const own = (await packed(valuesOf(8, 64, { ...form, group: 32 }))) as Tensor;
  const output = backend.empty([4, 8], 'output');
  const a = backend.empty([4, 64], 'a');
  expect(() => backend.matmul({ a, b: own, output })).toThrow(expect.objectContaining({ code: 'kernel_shape' }));
  expect(() => backend.matmul_bt({ a: backend.empty([4, 60], 'a'), b: own, output })).toThrow(
    expect.objectContaining({ code: 'kernel_shape' }),
  );
  own.dispose();
});

it.each([2, 3, 4, 8] as const)('holds %i bits in their bytes, zero points too', async (bits) => {
  const before = backend.memory.currentBytes;
  const own = (await packed(valuesOf(16, 64, { bits, group: 32, zero: 'integer', scale: 'F16' }))) as Tensor;
  const weights = (16 * 64 * bits) / 8;
  const groups = 16 * 2;
  expect(backend.memory.currentBytes - before).toBe(weights + groups * 2 + (groups * bits) / 8);
  own.dispose();
});

it('holds a matrix with a scale that is no number as floats, where it is found', async () => {
  const values = valuesOf(4, 64, { bits: 4, group: 32, zero: 'integer', scale: 'F16' });
  const { packing, rows, columns } = values;
  const ref = await storePacked(memoryScratch(), 'w', values);
  const parts = await groupedParts(ref, packing, { start: 0, end: rows });
  const scales = Uint8Array.from(parts?.scales as Uint8Array);
  scales.set([0x00, 0x7c], 6);
  const matrix = { ...packing, ...(parts as NonNullable<typeof parts>), scales, rows, columns };
  expect(backend.pack?.(matrix, 'packed')).toBeUndefined();
});
