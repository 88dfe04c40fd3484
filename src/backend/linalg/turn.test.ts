/** What kernels make of triangles and vectors, against loops, bit by bit; and numbers that are not finite. */
import { afterAll, describe, expect, it } from 'vitest';
import { createNodeCrew } from '../wasm/testing.ts';
import { createWasmBackend } from '../wasm/wasm_backend.ts';
import { mirrorUpper } from './dominant.ts';
import { type AddProduct, addProduct } from './gemm.ts';
import { symmetricEigen } from './symmetric_eigen.ts';
import { kernelOf, largestInUpper, TURN_SCRATCH, turnUpper } from './turn.ts';
import { VECTOR_SCRATCH, writeVectors } from './write_vectors.ts';

const crew = await createNodeCrew(1);
const backend = createWasmBackend(crew);
afterAll(() => backend.dispose());
const multiply = backend.addProduct as AddProduct;

const shared = (values: ArrayLike<number>) => {
  const array = multiply.allocate?.(values.length) as Float64Array;
  array.set(values);
  return array;
};

/** Of many magnitudes, both signs. */
const numbers = (count: number) =>
  Float64Array.from({ length: count }, (_, i) => Math.sin(1 + i * i) * 2 ** ((i * 7) % 40));

const SIZES = [1, 2, 3, 15, 16, 17, 33, 48, 50];

describe.each(SIZES)('a triangle of n = %i', (n) => {
  it('is turned and scaled with the bits of a loop, in place and elsewhere', () => {
    const upper = numbers(n * n);
    const expected = new Float64Array(n * n);
    turnUpper(upper, n, 0.25, expected);
    for (let i = 0; i < n; i++) for (let j = i; j < n; j++) expect(expected[j * n + i]).toBe(upper[i * n + j] / 4);

    const [held, target, scratch] = [shared(upper), shared(new Float64Array(n * n)), shared(numbers(TURN_SCRATCH))];
    expect(kernelOf(multiply, held, target, scratch)).toBeDefined();
    turnUpper(held, n, 0.25, target, multiply, scratch);
    const lowers = (values: Float64Array) => values.map((value, at) => (at % n <= Math.floor(at / n) ? value : 0));
    expect(lowers(target)).toEqual(expected);
    expect(held).toEqual(upper);

    mirrorUpper(held, n, multiply);
    const mirrored = upper.slice();
    mirrorUpper(mirrored, n);
    expect(held).toEqual(mirrored);
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) expect(held[i * n + j]).toBe(upper[j * n + i]);
  });

  it('has its largest magnitude found, wherever it is', () => {
    const scratch = shared(new Float64Array(TURN_SCRATCH));
    for (const [row, column] of [
      [0, 0],
      [0, n - 1],
      [n - 1, n - 1],
      [n >> 1, n - 1],
    ]) {
      const values = numbers(n * n).map((value) => value / 2 ** 50);
      // What lies below the diagonal is not the matrix's.
      for (let i = 0; i < n; i++) values.fill(Number.NaN, i * n, i * n + i);
      for (const value of [-3, 3]) {
        values[row * n + column] = value;
        expect(largestInUpper(shared(values), n, multiply, scratch)).toBe(3);
      }
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        values[row * n + column] = value;
        expect(largestInUpper(shared(values), n, multiply, scratch)).toBeNaN();
      }
    }
    expect(largestInUpper(numbers(n * n), n, multiply, scratch)).toBeUndefined();
    expect(largestInUpper(numbers(n * n), n, addProduct, scratch)).toBeUndefined();
  });
});

it('a number that is not finite is named with its place by a solver whose matrix lies with the threads', async () => {
  const values = numbers(60 * 60);
  values[7 * 60 + 41] = Number.NEGATIVE_INFINITY;
  const solving = symmetricEigen(shared(values), 60, undefined, multiply);
  await expect(solving).rejects.toThrow('-Infinity at row 7, column 41');
});

describe.each([
  [40, 40],
  [40, 33],
  [41, 24],
  [50, 7],
])('vectors of n = %i, %i of them', (n, count) => {
  it.each(['f64', 'f32'] as const)('are written with the bits of a loop, as %s', (type) => {
    const z = numbers(count * n);
    // Two components equally large: the first of them decides. And a vector of zeros.
    z[3] = 2 ** 50;
    z[9] = -(2 ** 50);
    z[n + 4] = -(2 ** 50);
    z[n + 5] = 2 ** 50;
    z.fill(0, 2 * n, 3 * n);
    const places = () => new Float64Array((count + (count % 2)) * VECTOR_SCRATCH);
    const task = { count, n };
    const plain = type === 'f64' ? { doubles: new Float64Array(n * count) } : { singles: new Float32Array(n * count) };
    writeVectors({ ...task, ...plain, z, scratch: places() }, 0, count);
    const columns = plain.doubles ?? plain.singles;
    expect(columns[3 * count + count - 1]).toBe(2 ** 50);
    expect(columns[4 * count + count - 2]).toBe(2 ** 50);

    const doubles = shared(new Float64Array(n * count));
    const held =
      type === 'f64' ? { doubles } : { singles: new Float32Array(doubles.buffer, doubles.byteOffset, n * count) };
    const [source, scratch] = [shared(z), shared(places())];
    expect(kernelOf(multiply, source, held.doubles ?? held.singles, scratch)).toBeDefined();
    writeVectors({ ...task, ...held, z: source, scratch }, 0, count, multiply);
    expect(held.doubles ?? held.singles).toEqual(columns);
  });
});
