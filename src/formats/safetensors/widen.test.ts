import { describe, expect, it } from 'vitest';
import golden from '../../../test/fixtures/quant/float8.json';
import { encodeFromFloat } from '../../tensor/half.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { blobSource } from '../source.ts';
import { openSafetensors } from './checkpoint.ts';
import { decodeWide, float8Table } from './wide_floats.ts';
import { type WidenOptions, widenFloats } from './widen.ts';
import { writeSafetensors } from './write.ts';

interface Stored {
  name: string;
  dtype: string;
  shape: Shape;
  bytes: Uint8Array;
}

async function open(tensors: readonly Stored[], options?: WidenOptions): Promise<Checkpoint> {
  return widenFloats((await stored(tensors)).checkpoint, options);
}

async function stored(tensors: readonly Stored[]) {
  const parts: BlobPart[] = [];
  const toWrite = tensors.map(({ bytes, ...info }) => ({ ...info, chunks: () => [bytes] }));
  for await (const chunk of writeSafetensors(toWrite)) parts.push(chunk.slice());
  return openSafetensors([blobSource('model.safetensors', new Blob(parts))]);
}

async function values(checkpoint: Checkpoint, name: string, rows?: { start: number; end: number }) {
  const bytes = await checkpoint.read(name, rows);
  return Array.from(new Float32Array(bytes.slice().buffer));
}

/** Codes of finite numbers, in an order that no layout could hide. */
const codes = (count: number) => Uint8Array.from({ length: count }, (_, i) => ((i * 37 + 11) % 120) + (i % 2) * 128);
const f32 = (numbers: readonly number[]) => encodeFromFloat(numbers, 'F32');

describe.each(Object.keys(golden) as (keyof typeof golden)[])('%s', (dtype) => {
  it('has the 256 values that torch gives', () => {
    const expected = Float32Array.from(
      new Float32Array(Uint8Array.from(atob(golden[dtype]), (character) => character.charCodeAt(0)).buffer),
    );
    // Object.is tells −0 from 0 and treats NaN as equal to itself.
    const wrong = expected.findIndex((value, code) => !Object.is(value, float8Table(dtype)[code]));
    expect(wrong).toBe(-1);
  });
});

describe('a checkpoint with wide and narrow floats', () => {
  it('reads F64 as F32, rounded once, and says what the file holds', async () => {
    const numbers = Float64Array.of(Math.PI, -1e-300, 1 / 3, 2 ** 100, -0, 1 + 2 ** -24 + 2 ** -50);
    const checkpoint = await open([
      { name: 'a', dtype: 'F64', shape: [3, 2], bytes: new Uint8Array(numbers.buffer) },
      { name: 'b', dtype: 'F32', shape: [1], bytes: f32([7]) },
    ]);
    expect(checkpoint.tensors.get('a')).toMatchObject({ dtype: 'F32', bytes: 24, stored: { dtype: 'F64', bytes: 48 } });
    expect(checkpoint.tensors.get('b')).not.toHaveProperty('stored');
    expect(checkpoint.bytes).toBe(52);
    expect(await values(checkpoint, 'a')).toEqual(Array.from(numbers, Math.fround));
    expect(await values(checkpoint, 'a', { start: 1, end: 2 })).toEqual([Math.fround(1 / 3), 2 ** 100]);
    expect(await values(checkpoint, 'b')).toEqual([7]);
  });

  it('is left as it is where nothing is wide or narrow', async () => {
    const parts = [{ name: 'b_scale', dtype: 'F32', shape: [1], bytes: f32([7]) }];
    expect([...(await open(parts)).tensors.keys()]).toEqual(['b_scale']);
  });

  it('reads F8 without scales as it stands', async () => {
    const checkpoint = await open([{ name: 'w.weight', dtype: 'F8_E5M2', shape: [2, 3], bytes: codes(6) }]);
    expect(await values(checkpoint, 'w.weight')).toEqual(Array.from(decodeWide(codes(6), 'F8_E5M2')));
    expect(checkpoint.tensors.get('w.weight')?.stored).toEqual({ dtype: 'F8_E5M2', bytes: 6, is_scaled: false });
  });

  const ROWS = 5;
  const COLUMNS = 7;
  const plain = Array.from(decodeWide(codes(ROWS * COLUMNS), 'F8_E4M3'));
  const weight: Stored = { name: 'w.weight', dtype: 'F8_E4M3', shape: [ROWS, COLUMNS], bytes: codes(ROWS * COLUMNS) };

  it.each([
    ['a scalar', 'weight_scale', [], () => 0],
    ['one number', 'weight_scale_inv', [1], () => 0],
    ['one a row', 'weight_scale', [ROWS], (row: number) => row],
    ['one a row, as a column', 'weight_scale', [ROWS, 1], (row: number) => row],
    // Blocks of 2 × 3: three rows of three, the last cut to one row and one column.
    [
      'one a block',
      'weight_scale_inv',
      [3, 3],
      (row: number, column: number) => 3 * Math.floor(row / 2) + Math.floor(column / 3),
    ],
  ] as const)('multiplies by scales: %s', async (_, suffix, shape, index) => {
    const count = shape.reduce<number>((product, size) => product * size, 1);
    const scales = Array.from({ length: count }, (_, i) => Math.fround(0.3 + 0.17 * i));
    const scale: Stored = { name: `w.${suffix}`, dtype: 'F32', shape, bytes: f32(scales) };
    const checkpoint = await open([weight, scale], { block: [2, 3] });
    expect([...checkpoint.tensors.keys()]).toEqual(['w.weight']);
    const expected = plain.map((value, i) => Math.fround(value * scales[index(Math.floor(i / COLUMNS), i % COLUMNS)]));
    expect(await values(checkpoint, 'w.weight')).toEqual(expected);
    expect(await values(checkpoint, 'w.weight', { start: 3, end: 5 })).toEqual(expected.slice(3 * COLUMNS));
  });

  it('takes blocks of 128 × 128 unless told otherwise, and scales in other float types', async () => {
    const columns = 130;
    const expected = Array.from(decodeWide(codes(2 * columns), 'F8_E4M3'), (value, i) =>
      Math.fround(value * (i % columns < 128 ? 0.5 : 4)),
    );
    for (const [dtype, bytes] of [
      ['BF16', encodeFromFloat([0.5, 4], 'BF16')],
      ['F16', encodeFromFloat([0.5, 4], 'F16')],
      ['F8_E8M0', Uint8Array.of(126, 129)],
    ] as const) {
      const checkpoint = await open([
        { name: 'w.weight', dtype: 'F8_E4M3', shape: [2, columns], bytes: codes(2 * columns) },
        { name: 'w.weight_scale_inv', dtype, shape: [1, 2], bytes },
      ]);
      expect(await values(checkpoint, 'w.weight')).toEqual(expected);
    }
  });

  it('reads MXFP8: exponents in bytes, one for 32 columns (torch: codes.float() * 2.0 ** (exponents - 127))', async () => {
    const columns = 40;
    const exponents = Uint8Array.of(120, 131, 127, 0);
    const expected = Array.from(decodeWide(codes(2 * columns), 'F8_E4M3'), (value, i) =>
      Math.fround(value * 2 ** (exponents[2 * Math.floor(i / columns) + (i % columns < 32 ? 0 : 1)] - 127)),
    );
    const mx = (shape: Shape): Stored[] => [
      { name: 'w.weight', dtype: 'F8_E4M3', shape: [2, columns], bytes: codes(2 * columns) },
      { name: 'w.weight_scale', dtype: 'U8', shape, bytes: exponents },
    ];
    expect(await values(await open(mx([2, 2]), { block: [1, 32] }), 'w.weight')).toEqual(expected);
    await expect(open(mx([4, 1]))).rejects.toMatchObject({
      code: 'shape_mismatch',
      message: expect.stringContaining('MXFP8'),
    });
  });

  it('takes scales of blocks with dimensions of 1 between them, as ModelOpt keeps them', async () => {
    const scale: Stored = {
      name: 'w.weight_scale',
      dtype: 'F32',
      shape: [3, 1, 3, 1],
      bytes: f32([1, 2, 3, 4, 5, 6, 7, 8, 9]),
    };
    const flat: Stored = { ...scale, shape: [3, 3] };
    const read = async (scales: Stored) => values(await open([weight, scales], { block: [2, 3] }), 'w.weight');
    expect(await read(scale)).toEqual(await read(flat));
  });

  it.each(['scale_weight', 'weights_scaling_factor', 'scale'])('finds the scale under w.%s', async (name) => {
    const checkpoint = await open([weight, { name: `w.${name}`, dtype: 'F32', shape: [1], bytes: f32([2]) }]);
    expect(await values(checkpoint, 'w.weight')).toEqual(plain.map((value) => 2 * value));
    expect([...checkpoint.tensors.keys()]).toEqual(['w.weight']);
  });

  it('misses a scale that the config promises', async () => {
    await expect(open([weight], { scaled: true })).rejects.toMatchObject({
      code: 'missing_tensor',
      place: { tensor: 'w.weight' },
    });
  });

  it('hides the scales of activations beside F8 weights, and only there', async () => {
    const other: Stored = { name: 'w.input_scale', dtype: 'F32', shape: [1], bytes: f32([1]) };
    expect([...(await open([weight, other])).tensors.keys()]).toEqual(['w.weight']);
    expect([...(await open([other])).tensors.keys()]).toEqual(['w.input_scale']);
  });

  it('refuses scales of another shape or type when it is opened', async () => {
    const shape = open([weight, { name: 'w.weight_scale', dtype: 'F32', shape: [4], bytes: f32([1, 2, 3, 4]) }]);
    await expect(shape).rejects.toMatchObject({
      code: 'shape_mismatch',
      message: expect.stringContaining('w.weight_scale has the shape [4]'),
      allowed: expect.stringContaining('[1, 1] for blocks of 128 × 128'),
    });
    const dtype = open([weight, { name: 'w.weight_scale', dtype: 'I8', shape: [1], bytes: Uint8Array.of(1) }]);
    await expect(dtype).rejects.toMatchObject({ code: 'bad_safetensors', place: { tensor: 'w.weight_scale' } });
  });

  it('asks again for a scale that could not be read', async () => {
    const parts: Stored[] = [weight, { name: 'w.weight_scale', dtype: 'F32', shape: [1], bytes: f32([2]) }];
    const { checkpoint } = await stored(parts);
    let failures = 1;
    const flaky = widenFloats({
      ...checkpoint,
      read: async (name, rows) => {
        if (name === 'w.weight_scale' && failures-- > 0) throw new Error('once');
        return checkpoint.read(name, rows);
      },
    });
    await expect(flaky.read('w.weight')).rejects.toThrow('once');
    expect(await values(flaky, 'w.weight')).toEqual(plain.map((value) => 2 * value));
  });
});

describe('blocks of several sizes in one model', () => {
  const matrix = (name: string, scales: Shape): Stored[] => [
    { name: `${name}.weight`, dtype: 'F8_E4M3', shape: [4, 8], bytes: codes(32) },
    {
      ...{ name: `${name}.weight_scale`, dtype: 'F32', shape: scales },
      bytes: f32(Array.from({ length: scales[0] * scales[1] }, (_, i) => i + 1)),
    },
  ];
  const blocks = [[2, 4] as const, [4, 2] as const];

  it('are told by the shapes of their scales', async () => {
    const both = await open([...matrix('a', [2, 2]), ...matrix('b', [1, 4])], { blocks });
    const alone = await open(matrix('b', [1, 4]), { block: [4, 2] });
    expect(await values(both, 'b.weight')).toEqual(await values(alone, 'b.weight'));
    expect(await values(both, 'a.weight')).not.toEqual(await values(both, 'b.weight'));
  });

  it('that a shape does not tell apart are refused, and so are zero points', async () => {
    const same = open(matrix('a', [2, 2]), { blocks: [[2, 4] as const, [3, 5] as const] });
    await expect(same).rejects.toMatchObject({ code: 'shape_mismatch', message: expect.stringContaining('2 × 4') });
    const zero = { name: 'a.weight_zero_point', dtype: 'F8_E4M3', shape: [4, 1], bytes: codes(4) };
    const odd = open([...matrix('a', [2, 2]), zero], { block: [2, 4], scaled: true });
    await expect(odd).rejects.toMatchObject({ message: expect.stringContaining('asymmetric') });
  });
});
