import { afterAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../../backend.ts';
import { jacobi_scan } from '../../cpu/jacobi_scan.ts';
import { tridiagonal_column } from '../../cpu/tridiagonal_column.ts';
import { tridiagonal_finish } from '../../cpu/tridiagonal_finish.ts';
import { tridiagonal_load } from '../../cpu/tridiagonal_load.ts';
import { tridiagonal_product } from '../../cpu/tridiagonal_product.ts';
import { tridiagonal_project } from '../../cpu/tridiagonal_project.ts';
import { type Reflector, tridiagonal_reduce } from '../../cpu/tridiagonal_reduce.ts';
import { tridiagonal_update } from '../../cpu/tridiagonal_update.ts';
import { createNodeWebGpuBackend, maxAbsDifference, normalisedError, randomValues } from '../../testing.ts';
import { asGpuTensor, type GpuTensor } from '../buffers.ts';
import { jacobiScanKernel } from './jacobi_scan.ts';
import { tridiagonalColumnKernel } from './tridiagonal_column.ts';
import { tridiagonalFinishKernel } from './tridiagonal_finish.ts';
import { BLOCK, columnPartsStride, PANEL, productLength } from './tridiagonal_layout.ts';
import { tridiagonalLoadKernel } from './tridiagonal_load.ts';
import { tridiagonalProductKernel } from './tridiagonal_product.ts';
import { tridiagonalProjectKernel, tridiagonalProjectSubgroupKernel } from './tridiagonal_project.ts';
import { tridiagonalReduceKernel } from './tridiagonal_reduce.ts';
import { tridiagonalUpdateKernel, tridiagonalUpdateSubgroupKernel } from './tridiagonal_update.ts';

const backend = await createNodeWebGpuBackend();
afterAll(() => backend?.dispose());
const owned: Tensor[] = [];
afterAll(() => {
  for (const tensor of owned) tensor.dispose();
});

/** Rounding of f32 sums of a few hundred products. */
const ROUNDING = 1e-12;

function tensor(values: ArrayLike<number>, ...shape: number[]): GpuTensor {
  const made = asGpuTensor(backend!.fromArray(values, shape, 'test'));
  owned.push(made);
  return made;
}

const zeros = (...shape: number[]): GpuTensor => tensor(new Float32Array(shape.reduce((a, b) => a * b)), ...shape);
const read = (from: Tensor): Promise<ArrayLike<number>> => backend!.read(from);

function symmetricValues(size: number, seed: number): Float32Array {
  const values = randomValues(size * size, seed);
  return values.map((value, at) => {
    const [row, column] = [Math.floor(at / size), at % size];
    return column < row ? values[column * size + row] : value;
  });
}

/** One panel that is partly filled, with noise where columns are not there yet. */
function scene(size: number, column: number, done: number) {
  const matrix = symmetricValues(size, 3);
  const panel = randomValues(size * 2 * PANEL, 5);
  const x = randomValues(size, 7).map((value, row) => (row > column ? value : 0));
  return { size, column, done, matrix, panel, x };
}

// Shapes of the dispatches: as on hardware, and as on a software adapter.
const SHAPES = [
  { ROWS: 32, VECTORS: 1, WORKGROUP_SIZE: 64 },
  { ROWS: 256, VECTORS: 4, WORKGROUP_SIZE: 4 },
];
/** size, column, columns of the panel that are done. */
const STEPS: [number, number, number][] = [
  [32, 0, 0],
  [32, 30, 30],
  [96, 40, 8],
  [320, 63, 31],
  [320, 15, 15],
];

describe.skipIf(!backend)('kernels of the Householder reduction against their f64 twins', () => {
  it.each([
    [1, 32, 1e-20],
    [40, 64, 1e30],
  ])('tridiagonal_load: n = %i, padded to %i, times %d', async (n, size, scale) => {
    const values = randomValues(n * n, 3).map((value) => scale * value);
    const covariance = tensor(values, n, n);
    const status = backend!.fromIds([0], 'status');
    const matrix = tensor(randomValues(size * size, 4), size, size);
    jacobiScanKernel(backend!.context, { covariance, status, n });
    tridiagonalLoadKernel(backend!.context, { covariance, status, matrix, n, size });
    // A power of two changes no mantissa: equal to the last bit.
    expect([...(await backend!.read(matrix))]).toEqual([...tridiagonal_load(values, n, size, jacobi_scan(values, n))]);
    status.dispose();
  });

  it.each(SHAPES.flatMap((shape) => STEPS.map((step) => ({ shape, step }))))(
    'tridiagonal_product and tridiagonal_reduce: $step, $shape',
    async ({ shape: { ROWS, VECTORS, WORKGROUP_SIZE }, step }) => {
      const given = scene(...step);
      const { size, column, done } = given;
      const chunks = Math.ceil(size / ROWS);
      const stride = columnPartsStride(size);
      const tensors = {
        matrix: tensor(given.matrix, size, size),
        panel: tensor(given.panel, size, 2 * PANEL),
        x: tensor(given.x, size),
        column_parts: tensor(randomValues(chunks * stride, 9), chunks, stride),
        row_parts: tensor(randomValues((size / BLOCK) * size, 11), size / BLOCK, size),
        product: zeros(productLength(size)),
        vectors: zeros(size),
        tridiagonal: zeros(3, size),
      };
      const args = { ...tensors, size, column, done };
      tridiagonalProductKernel(backend!.context, args, { ROWS, WORKGROUP_SIZE });
      const parts = await read(tensors.column_parts);
      const rowParts = await read(tensors.row_parts);
      const sums = tridiagonal_product(given.matrix, given.panel, given.x, size, column, done);
      const firstChunk = Math.floor((column + 1 - ((column + 1) % BLOCK)) / ROWS);
      const sumOf = (at: number, lastChunk = chunks - 1) => {
        let sum = 0;
        for (let chunk = firstChunk; chunk <= lastChunk; chunk++) sum += parts[chunk * stride + at];
        return sum;
      };
      const along = Float64Array.from({ length: size }, (_, c) => {
        if (c <= column) return 0;
        const block = Math.floor(c / BLOCK);
        let sum = sumOf(c, Math.floor((block * BLOCK + BLOCK - 1) / ROWS));
        for (let other = block + 1; other < size / BLOCK; other++) sum += rowParts[other * size + c];
        return sum;
      });
      expect(normalisedError(along, sums.along)).toBeLessThan(ROUNDING);
      const across = Float64Array.from({ length: 2 * PANEL }, (_, k) => (k % PANEL < done ? sumOf(size + k) : 0));
      expect(normalisedError(across, sums.across)).toBeLessThan(ROUNDING);
      const tail = [0, 1, 2, 3].reduce((sum, i) => sum + sumOf(stride - 4 + i), 0);
      expect(Math.abs(tail - sums.tail)).toBeLessThanOrEqual(1e-6 * sums.tail);

      tridiagonalReduceKernel(backend!.context, args, { ROWS, VECTORS, WORKGROUP_SIZE });
      const expected = tridiagonal_reduce(given.matrix, given.panel, given.x, sums, size, column, done);
      const product = Array.from(await read(tensors.product));
      const masked = product.slice(0, size).map((value, c) => (c > column ? value : 0));
      expect(normalisedError(masked, expected.along)).toBeLessThan(ROUNDING);
      expect(normalisedError(product.slice(size, size + 2 * PANEL), expected.across)).toBeLessThan(ROUNDING);
      expect(product.slice(size + 2 * PANEL, size + 4 * PANEL)).toEqual([...expected.row]);
      expect(normalisedError(await read(tensors.vectors), expected.v)).toBeLessThan(ROUNDING);
      const lines = await read(tensors.tridiagonal);
      expect(
        maxAbsDifference([lines[size + column], lines[2 * size + column]], [expected.beta, expected.tau]),
      ).toBeLessThan(1e-5);
      expect(product[size + 4 * PANEL]).toBe(lines[2 * size + column]);
      const quadratic = product.slice(size + 4 * PANEL + 4).reduce((sum, value) => sum + value, 0);
      const dot = expected.v.reduce((sum, value, r) => sum + value * expected.along[r], 0);
      expect(Math.abs(quadratic - dot)).toBeLessThan(1e-4);
    },
  );

  it('tridiagonal_reduce makes no reflector of what is nothing beside the matrix', async () => {
    const size = 32;
    const x = Float32Array.from({ length: size }, (_, row) => (row === 5 ? 0.5 : row > 5 ? 1e-17 : 0));
    const args = {
      matrix: tensor(symmetricValues(size, 3), size, size),
      panel: zeros(size, 2 * PANEL),
      x: tensor(x, size),
      column_parts: zeros(1, columnPartsStride(size)),
      row_parts: zeros(2, size),
      product: tensor(randomValues(productLength(size), 5), productLength(size)),
      vectors: tensor(randomValues(size, 5), size),
      tridiagonal: zeros(3, size),
      size,
      column: 4,
      done: 4,
    };
    tridiagonalProductKernel(backend!.context, args);
    tridiagonalReduceKernel(backend!.context, args);
    const lines = await read(args.tridiagonal);
    expect([lines[size + 4], lines[2 * size + 4]]).toEqual([0.5, 0]);
    expect(Array.from(await read(args.vectors)).every((value) => value === 0)).toBe(true);
  });

  it.each(SHAPES.flatMap((shape) => STEPS.map((step) => ({ shape, step }))))(
    'tridiagonal_column: after $step, $shape',
    async ({ shape: { VECTORS, WORKGROUP_SIZE }, step }) => {
      const { size, column, done, matrix, panel, x } = scene(...step);
      const sums = tridiagonal_product(matrix, panel, x, size, column, done);
      const last = tridiagonal_reduce(matrix, panel, x, sums, size, column, done);
      const tensors = {
        matrix: tensor(matrix, size, size),
        panel: tensor(panel, size, 2 * PANEL),
        product: tensor(packed(last, size, column, VECTORS), productLength(size)),
        vectors: tensor(last.v, size),
        reflectors: zeros(size, size),
        x: zeros(size),
        tridiagonal: zeros(3, size),
      };
      const next = column + 1;
      const shape = { WORKGROUP_SIZE, REDUCED_VECTORS: VECTORS };
      tridiagonalColumnKernel(backend!.context, { ...tensors, size, column: next, done: done + 1 }, shape);
      const expected = tridiagonal_column(matrix, panel, last, size, next, done + 1);
      const found = await read(tensors.panel);
      const columnOf = (k: number) =>
        Float64Array.from({ length: size }, (_, r) => (r >= next ? found[r * 2 * PANEL + k] : 0));
      expect(normalisedError(columnOf(PANEL + done), expected.w)).toBeLessThan(10 * ROUNDING);
      expect(columnOf(done)).toEqual(Float64Array.from(last.v, Math.fround));
      const kept = await read(tensors.reflectors);
      expect(Float64Array.from({ length: size }, (_, r) => kept[r * size + column])).toEqual(columnOf(done));
      if (done + 1 === PANEL) {
        expect((await read(tensors.tridiagonal))[next]).toBe(0);
        return;
      }
      expect(maxAbsDifference(await read(tensors.x), expected.x)).toBeLessThan(1e-4);
      expect(Math.abs((await read(tensors.tridiagonal))[next] - expected.diagonal)).toBeLessThan(1e-4);
    },
  );

  it('tridiagonal_column begins a panel with a column of the matrix', async () => {
    const size = 64;
    const matrix = symmetricValues(size, 3);
    const args = {
      matrix: tensor(matrix, size, size),
      product: zeros(productLength(size)),
      vectors: zeros(size),
      panel: zeros(size, 2 * PANEL),
      reflectors: zeros(size, size),
      x: tensor(randomValues(size, 9), size),
      tridiagonal: zeros(3, size),
      size,
      column: 32,
      done: 0,
    };
    tridiagonalColumnKernel(backend!.context, args);
    const { x, diagonal } = tridiagonal_column(matrix, [], undefined, size, 32, 0);
    expect([...(await backend!.read(args.x))].slice(32)).toEqual([...x].slice(32));
    expect((await read(args.tridiagonal))[32]).toBe(diagonal);
  });

  it.each([
    { name: 'tridiagonal_update', kernel: tridiagonalUpdateKernel },
    { name: 'tridiagonal_update_subgroup', kernel: tridiagonalUpdateSubgroupKernel },
  ])('$name: a panel on the upper triangle, and reflectors on vectors', async ({ name, kernel }) => {
    if (name.endsWith('subgroup') && !backend!.context.prefersWideTiles) return;
    const size = 160;
    const values = symmetricValues(size, 13);
    const panel = tensor(randomValues(size * 64, 15), size, 64);
    const panelValues = await read(panel);
    const matrix = tensor(values, size, size);
    const trailing = { size, first_row: 64, first_column: 64, k_count: 64, left_stride: 64, left_column: 0 };
    const args = { ...trailing, right_stride: 64, right_shift: 32 };
    kernel(backend!.context, {
      ...args,
      left_matrix: panel,
      right_matrix: panel,
      target_matrix: matrix,
      is_upper: 1,
    });
    const expected = tridiagonal_update(values, panelValues, panelValues, args);
    const found = await read(matrix);
    // What is read later: blocks of 16 on and above the diagonal.
    const upper = (source: ArrayLike<number>) =>
      Float64Array.from({ length: size * size }, (_, at) => {
        const [row, column] = [Math.floor(at / size), at % size];
        return Math.floor(column / BLOCK) >= Math.floor(row / BLOCK) || row < 64 ? source[at] : 0;
      });
    expect(normalisedError(upper(found), upper(expected))).toBeLessThan(ROUNDING);

    const wide = randomValues(size * 192, 17);
    const turned = randomValues(size * 64, 19);
    const vectors = tensor(values, size, size);
    const sizes = { size, first_row: 64, first_column: 0, k_count: 64, left_stride: 192, left_column: 64 };
    const back = { ...sizes, right_stride: 64, right_shift: 0 };
    kernel(backend!.context, {
      ...back,
      left_matrix: tensor(wide, size, 192),
      right_matrix: tensor(turned, size, 64),
      target_matrix: vectors,
      is_upper: 0,
    });
    expect(normalisedError(await read(vectors), tridiagonal_update(values, wide, turned, back))).toBeLessThan(ROUNDING);
  });

  it.each([
    { name: 'tridiagonal_project', kernel: tridiagonalProjectKernel },
    { name: 'tridiagonal_project_subgroup', kernel: tridiagonalProjectSubgroupKernel },
  ])('$name: all vectors, and a block of reflectors on itself', async ({ name, kernel }) => {
    if (name.endsWith('subgroup') && !backend!.context.prefersWideTiles) return;
    const rows = 160;
    const values = randomValues(rows * 192, 21);
    const Z = randomValues(rows * rows, 23);
    const reflectors = tensor(values, rows, 192);
    const sizes = { m: rows, n: 64, rows, first: 64, source_stride: rows, source_column: 0 };
    const all = { ...sizes, reflector_stride: 192, reflector_column: 64 };
    const output = zeros(rows, 64);
    kernel(backend!.context, { ...all, source: tensor(Z, rows, rows), reflectors, output, output_row: 0 });
    expect(normalisedError(await read(output), tridiagonal_project(Z, values, all))).toBeLessThan(ROUNDING);

    const gram = zeros(192, 64);
    const own = { ...all, m: 64, source_stride: 192, source_column: 64 };
    kernel(backend!.context, { ...own, source: reflectors, reflectors, output: gram, output_row: 64 });
    const found = Array.from(await read(gram));
    expect(normalisedError(found.slice(64 * 64, 128 * 64), tridiagonal_project(values, values, own))).toBeLessThan(
      ROUNDING,
    );
    expect(found.slice(0, 64 * 64).every((value) => value === 0)).toBe(true);
  });

  it.each([
    [1, 32],
    [33, 64],
  ])('tridiagonal_finish: n = %i of %i', async (n, size) => {
    const values = randomValues(size * size, 25);
    const eigenvectors = zeros(n, n);
    tridiagonalFinishKernel(backend!.context, { turned: tensor(values, size, size), eigenvectors, n, size });
    expect([...(await backend!.read(eigenvectors))]).toEqual([...tridiagonal_finish(values, n, size)]);
  });
});

/** A reflector as tridiagonal_reduce leaves it in `product`. */
function packed(
  { tau, v, along, across, row }: Reflector,
  size: number,
  column: number,
  vectors: number,
): Float32Array {
  const product = new Float32Array(productLength(size));
  product.set(along);
  product.set(across, size);
  product.set(row, size + 2 * PANEL);
  const scalars = size + 4 * PANEL;
  product[scalars] = tau;
  const start = column + 1 - ((column + 1) % BLOCK);
  for (let r = start; r < size; r++) {
    product[scalars + 4 + Math.floor((r - start) / (4 * vectors)) * 4 + (r % 4)] += v[r] * along[r];
  }
  return product;
}
