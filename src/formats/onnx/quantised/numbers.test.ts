/** Numbers of every type that parts of quantised weights have, from any element on; and what DequantizeLinear makes of them. */
import { describe, expect, it } from 'vitest';
import type { OnnxNode } from '../read_model.ts';
import type { StoredTensor } from '../read_tensor.ts';
import { type DequantizeParts, dequantizedTensor } from './dequantize_linear.ts';
import { isDecodable, isFloat, readNumbers } from './numbers.ts';

interface Held extends StoredTensor {
  readonly data: Uint8Array;
}

const held = (name: string, bits: number, dims: readonly number[], data: ArrayBufferView): Held => ({
  name: `${name} codes`,
  type: { name, bits },
  dims,
  elements: dims.reduce((a, b) => a * b, 1),
  bytes: data.byteLength,
  location: { kind: 'none' },
  data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
});
const read = async (tensor: StoredTensor, start: number, length: number) =>
  (tensor as Held).data.subarray(start, start + length);

/** Low bits first, as ONNX packs. */
function packed(values: readonly number[], bits: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((values.length * bits) / 8));
  values.forEach((value, i) => {
    bytes[(i * bits) >> 3] |= (value & (2 ** bits - 1)) << ((i * bits) & 7);
  });
  return bytes;
}

type Case = readonly [name: string, bits: number, data: ArrayBufferView, values: readonly number[]];

const CASES: readonly Case[] = [
  ['UINT2', 2, packed([3, 0, 1, 2, 3, 1], 2), [3, 0, 1, 2, 3, 1]],
  ['INT2', 2, packed([-2, 0, 1, -1, 1, -2], 2), [-2, 0, 1, -1, 1, -2]],
  ['UINT4', 4, packed([15, 0, 8, 7, 1, 9], 4), [15, 0, 8, 7, 1, 9]],
  ['INT4', 4, packed([-8, 7, 0, -1, 1, 3], 4), [-8, 7, 0, -1, 1, 3]],
  ['UINT8', 8, Uint8Array.of(255, 0, 128, 127, 1, 2), [255, 0, 128, 127, 1, 2]],
  ['INT8', 8, Int8Array.of(-128, 127, 0, -1, 1, 5), [-128, 127, 0, -1, 1, 5]],
  ['INT16', 16, Int16Array.of(-32768, 32767, -1, 0, 1, 2), [-32768, 32767, -1, 0, 1, 2]],
  ['UINT16', 16, Uint16Array.of(65535, 0, 1, 2, 3, 4), [65535, 0, 1, 2, 3, 4]],
  ['INT32', 32, Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 0, -1, 1, 2), [-(2 ** 31), 2 ** 31 - 1, 0, -1, 1, 2]],
  ['FLOAT', 32, Float32Array.of(1.5, -2, 0, 4, 5, 6), [1.5, -2, 0, 4, 5, 6]],
  ['FLOAT16', 16, Uint16Array.of(0x3c00, 0xc000, 0x3800, 0, 0x7bff, 1), [1, -2, 0.5, 0, 65504, 2 ** -24]],
  ['BFLOAT16', 16, Uint16Array.of(0x3f80, 0xc000, 0x3f00, 0, 0x4000, 0x4040), [1, -2, 0.5, 0, 2, 3]],
  ['DOUBLE', 64, Float64Array.of(1.5, -2, 0.25, 3, 4, 5), [1.5, -2, 0.25, 3, 4, 5]],
  ['FLOAT8E4M3FN', 8, Uint8Array.of(0x38, 0xb8, 0x40, 0, 0x7e, 0x30), [1, -1, 2, 0, 448, 0.5]],
  ['FLOAT8E5M2', 8, Uint8Array.of(0x3c, 0xbc, 0x40, 0, 0x7b, 0x38), [1, -1, 2, 0, 57344, 0.5]],
  ['FLOAT8E8M0', 8, Uint8Array.of(127, 128, 126, 129, 130, 125), [1, 2, 0.5, 4, 8, 0.25]],
];

describe.each(CASES)('%s', (name, bits, data, values) => {
  const tensor = held(name, bits, [values.length], data);

  it('is read from any element on', async () => {
    expect(isDecodable(tensor)).toBe(true);
    expect(isFloat(tensor)).toBe(['FLOAT', 'FLOAT16', 'BFLOAT16', 'DOUBLE'].includes(name));
    for (let first = 0; first < values.length; first++) {
      for (let count = 1; first + count <= values.length; count++) {
        const found = await readNumbers(tensor, first, count, read);
        expect([...found], `${first}, ${count}`).toEqual(values.slice(first, first + count));
      }
    }
  });
});

it.each(['STRING', 'BOOL', 'INT64', 'COMPLEX64', 'FLOAT4E2M1'])('%s is not decoded', (name) => {
  const tensor = held(name, 8, [1], new Uint8Array(1));
  expect([isDecodable(tensor), isFloat(tensor)]).toEqual([false, false]);
});

describe('DequantizeLinear', () => {
  const [ROWS, COLUMNS] = [4, 6];
  const codes = held(
    'INT8',
    8,
    [ROWS, COLUMNS],
    Int8Array.from({ length: ROWS * COLUMNS }, (_, i) => i - 11),
  );
  const node = (ints: Record<string, number> = {}): OnnxNode => ({
    ...{ op_type: 'DequantizeLinear', domain: '', name: 'n', inputs: ['c', 's', 'z'], outputs: ['w'] },
    ...{ ints: new Map(Object.entries(ints).map(([key, value]) => [key, [value]])), floats: new Map(), subgraphs: [] },
  });
  const parts = (count: number, hasZeros = true, from = codes): DequantizeParts => ({
    codes: from,
    scales: held(
      'FLOAT',
      32,
      [count],
      Float32Array.from({ length: count }, (_, i) => 2 ** (i % 5)),
    ),
    ...(hasZeros && {
      zeros: held(
        'INT8',
        8,
        [count],
        Int8Array.from({ length: count }, (_, i) => (i % 3) - 1),
      ),
    }),
  });

  it.each<[string, Record<string, number>, number, (row: number, column: number) => number]>([
    ['one scale for all', {}, 1, () => 0],
    ['one a column, which is the axis that is not told', {}, COLUMNS, (_, column) => column],
    ['one a column, by the last axis', { axis: -1 }, COLUMNS, (_, column) => column],
    ['one a row', { axis: 0 }, ROWS, (row) => row],
    ['one a row, counted from the end', { axis: -2 }, ROWS, (row) => row],
    ['one a block along the rows', { axis: 1, block_size: 4 }, ROWS * 2, (row, column) => row * 2 + (column >> 2)],
    [
      'one a block down the columns',
      { axis: 0, block_size: 2 },
      2 * COLUMNS,
      (row, column) => (row >> 1) * COLUMNS + column,
    ],
  ])('with %s', async (_, ints, count, at) => {
    for (const hasZeros of [true, false]) {
      const { dims, elements, bytes, decoder } = dequantizedTensor('m.onnx', node(ints), 'w', parts(count, hasZeros));
      expect([dims, elements]).toEqual([[ROWS, COLUMNS], ROWS * COLUMNS]);
      const stored = ROWS * COLUMNS + 4 * count + (hasZeros ? count : 0);
      expect([bytes, decoder.bytes]).toEqual([stored, stored]);
      expect(decoder.label).toBe('int8');
      for (const [start, end] of [
        [0, ROWS],
        [1, 3],
      ]) {
        const found = await decoder.rows({ start, end }, read);
        const wanted = Array.from({ length: (end - start) * COLUMNS }, (_, i) => {
          const [row, column] = [start + Math.floor(i / COLUMNS), i % COLUMNS];
          const index = at(row, column);
          return (row * COLUMNS + column - 11 - (hasZeros ? (index % 3) - 1 : 0)) * 2 ** (index % 5);
        });
        expect([...found]).toEqual(wanted.map((value) => value + 0));
      }
    }
  });

  it('of a vector has one scale an element, whatever the axis', async () => {
    const vector = held('UINT8', 8, [3], Uint8Array.of(1, 2, 3));
    for (const axis of [0, 1]) {
      const { decoder } = dequantizedTensor('m.onnx', node({ axis }), 'b', parts(3, false, vector));
      expect([...(await decoder.rows({ start: 0, end: 3 }, read))]).toEqual([1, 4, 12]);
    }
  });

  it('of a number, and of more than a matrix, which other constants of a graph are', async () => {
    const number = dequantizedTensor('m.onnx', node({}), 'n', parts(1, false, held('UINT8', 8, [], Uint8Array.of(9))));
    expect([...(await number.decoder.rows({ start: 0, end: 1 }, read))]).toEqual([9]);
    const cube = held(
      'UINT8',
      8,
      [2, 3, 2],
      Uint8Array.from({ length: 12 }, (_, i) => i),
    );
    const { decoder } = dequantizedTensor('m.onnx', node({ axis: 1 }), 'c', parts(3, false, cube));
    expect([...(await decoder.rows({ start: 1, end: 2 }, read))]).toEqual([6, 7, 16, 18, 40, 44]);
  });

  it.each<[string, Record<string, number>, DequantizeParts]>([
    ['scales of another size', {}, parts(5)],
    ['scales of another size in blocks', { block_size: 4 }, parts(7)],
    ['zero points of another size', {}, { ...parts(6), zeros: parts(5).zeros! }],
    ['another axis', { axis: 2 }, parts(6)],
    ['an axis before the first', { axis: -3 }, parts(6)],
    ['scales that are whole numbers', {}, { ...parts(1), scales: held('INT8', 8, [1], new Int8Array(1)) }],
    ['an axis that is none, in blocks', { axis: 2, block_size: 4 }, parts(8)],
    ['zero points of another type', {}, { ...parts(1), zeros: held('STRING', 8, [1], new Uint8Array(1)) }],
    ['codes of another type', {}, { ...parts(1), codes: held('STRING', 8, [1, 1], new Uint8Array(1)) }],
    [
      'an axis beyond three dimensions',
      { axis: 3 },
      { ...parts(2), codes: held('INT8', 8, [1, 2, 2], new Uint8Array(4)) },
    ],
    ['an axis of a number', {}, { ...parts(2), codes: held('INT8', 8, [], new Uint8Array(1)) }],
  ])('refuses %s', (_, ints, wrong) => {
    expect(() => dequantizedTensor('m.onnx', node(ints), 'w', wrong)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(bad_onnx|unknown_architecture)$/) }),
    );
  });
});
