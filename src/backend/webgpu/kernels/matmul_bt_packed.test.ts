/**
 * matmul_bt_packed and unpack_rows: products with grouped integers against the f64 twin's with the numbers that the integers
 * stand for.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { f16ToNumber, numberToF16 } from '../../../tensor/half.ts';
import type { Backend, PackedMatrix, Tensor } from '../../backend.ts';
import { normalisedError, openTwins, randomIds, randomValues } from '../../testing.ts';
import { layoutOf } from '../packed.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

type Form = Pick<PackedMatrix, 'bits' | 'group' | 'zero' | 'scale'>;

/** A stream of whole numbers of so many bits each, the first in the lowest bits. */
function packed(numbers: ArrayLike<number>, bits: number): Uint8Array {
  const out = new Uint8Array(Math.ceil((numbers.length * bits) / 8));
  for (let i = 0; i < numbers.length * bits; i++) {
    out[i >> 3] |= ((numbers[Math.floor(i / bits)] >> (i % bits)) & 1) << (i & 7);
  }
  return out;
}

const halves = (numbers: ArrayLike<number>) => new Uint8Array(Uint16Array.from(numbers, numberToF16).buffer);

/** A matrix, and the numbers that it stands for. Some scales are subnormal half floats. */
function matrixOf(rows: number, columns: number, form: Form): { matrix: PackedMatrix; numbers: Float64Array } {
  const { bits, zero } = form;
  const size = form.group === 'row' ? columns : form.group;
  const groups = Math.ceil(columns / size);
  const codes = randomIds(rows * columns, 2 ** bits, 1);
  const wanted = randomValues(rows * groups, 2).map((x, i) => (i % 5 === 3 ? 1e-6 : 1) * (0.01 + Math.abs(x)));
  const scales = form.scale === 'F16' ? wanted.map((x) => f16ToNumber(numberToF16(x))) : wanted;
  const points = randomIds(rows * groups, 2 ** bits, 3);
  const minimums = randomValues(rows * groups, 4).map((x) => f16ToNumber(numberToF16(x)));
  const numbers = Float64Array.from({ length: rows * columns }, (_, i) => {
    const at = Math.floor(i / columns) * groups + Math.floor((i % columns) / size);
    if (zero === 'minimum') return scales[at] * codes[i] + minimums[at];
    if (zero === 'integer') return scales[at] * (codes[i] - points[at]);
    return scales[at] * (codes[i] - (codes[i] >> (bits - 1)) * 2 ** bits);
  });
  const matrix = {
    ...{ ...form, rows, columns, codes: packed(codes, bits) },
    scales: form.scale === 'F16' ? halves(scales) : new Uint8Array(Float32Array.from(scales).buffer),
    ...(zero === 'integer' && { zeros: packed(points, bits) }),
    ...(zero === 'minimum' && { zeros: halves(minimums) }),
  };
  return { matrix, numbers };
}

const FORMS: [name: string, form: Form][] = ([2, 3, 4, 8] as const).flatMap((bits) =>
  (['symmetric', 'integer', 'minimum'] as const).map(
    (zero) => [`int${bits} ${zero}`, { bits, group: 32, zero, scale: 'F16' }] as [string, Form],
  ),
);
FORMS.push(['int8 row', { bits: 8, group: 'row', zero: 'symmetric', scale: 'F32' }]);
FORMS.push(['int3 of groups of 10', { bits: 3, group: 10, zero: 'integer', scale: 'F16' }]);

/** Rows of a, outputs, inputs: ragged words and groups, one row, few and many. */
type Shape = readonly [m: number, n: number, k: number];
const SHAPES: Shape[] = [
  [1, 70, 101],
  [37, 68, 100],
  [1, 64, 128],
  [3, 37, 66],
];

const WAYS = ['plain', 'accumulate', 'factors'] as const;

function product(backend: Backend, b: Tensor, [m, n, k]: Shape, way: (typeof WAYS)[number]): Tensor {
  const of = (rows: number, columns: number, seed: number) =>
    backend.fromArray(randomValues(rows * columns, seed), [rows, columns], 'x');
  const output = of(m, n, 6);
  const factors = { row_scale: of(m, 1, 8), gate: { states: of(m, n, 7), activation: 'silu' } } as const;
  const more = { plain: {}, accumulate: { accumulate: true }, factors }[way];
  backend.matmul_bt({ a: of(m, k, 5), b, output, ...more });
  return output;
}

describe.skipIf(!twins)('products with packed matrices', () => {
  async function check(shape: Shape, form: Form, way: (typeof WAYS)[number]): Promise<void> {
    const { matrix, numbers } = matrixOf(shape[1], shape[2], form);
    const { webgpu } = twins!;
    const [found, expected] = await twins!.run((backend) => {
      const weight =
        backend === webgpu
          ? (webgpu.pack(matrix, 'packed') as Tensor)
          : backend.fromArray(numbers, [shape[1], shape[2]], 'dense');
      const output = product(backend, weight, shape, way);
      weight.dispose();
      return output;
    });
    expect(normalisedError(found, expected), way).toBeLessThan(1e-12);
  }

  describe.each(FORMS)('%s', (_, form) => {
    // Every constant is a shader of its own, which software adapters compile slowly.
    const shapes = form.zero === 'integer' ? SHAPES : SHAPES.slice(0, 2);
    it.each(shapes)('multiplies %i rows to %i outputs from %i inputs', async (...shape) => {
      for (const way of form.bits === 4 && form.zero === 'integer' ? WAYS : (['plain'] as const))
        await check(shape, form, way);
      expect(twins!.kernels.has(shape[0] <= 4 ? 'matmul_bt_packed' : 'unpack_rows')).toBe(true);
    });
  });

  it('adds lanes that share an output, as hardware does', async () => {
    const { context } = twins!.webgpu;
    const was = context.isFallbackAdapter;
    Object.assign(context, { isFallbackAdapter: false });
    await check([2, 37, 301], { bits: 4, group: 32, zero: 'integer', scale: 'F16' }, 'factors');
    Object.assign(context, { isFallbackAdapter: was });
  });

  it('takes many rows panel by panel', async () => {
    const form: Form = { bits: 4, group: 64, zero: 'integer', scale: 'F16' };
    await check([5, 300, 4100], form, 'factors');
  });

  it('takes the bytes of what is packed, and is refused where floats are read', () => {
    const { webgpu } = twins!;
    const before = webgpu.memory.currentBytes;
    const { matrix } = matrixOf(64, 128, { bits: 4, group: 32, zero: 'integer', scale: 'F16' });
    const tensor = webgpu.pack(matrix, 'packed') as Tensor;
    const parts = [matrix.codes, matrix.scales, matrix.zeros as Uint8Array];
    expect(webgpu.memory.currentBytes - before).toBe(parts.reduce((sum, part) => sum + part.byteLength, 0));
    const [a, output] = [webgpu.empty([4, 64], 'a'), webgpu.empty([4, 128], 'output')];
    expect(() => webgpu.matmul({ a, b: tensor, output })).toThrow(expect.objectContaining({ code: 'kernel_shape' }));
    for (const each of [tensor, a, output]) each.dispose();
    expect(webgpu.memory.currentBytes).toBe(before);
  });

  it('counts in words, whatever the rows begin with', () => {
    const { params, words } = layoutOf({ rows: 5, columns: 11, bits: 3, group: 4, zero: 'minimum', scale: 'F16' });
    expect(params).toEqual({ row_words: 2, group: 4, groups: 3, scales_at: 10, zeros_at: 18 });
    expect(words).toBe(26);
  });
});
