import { afterAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../../backend.ts';
import { jacobi_column_norms } from '../../cpu/jacobi_column_norms.ts';
import { jacobi_converge } from '../../cpu/jacobi_converge.ts';
import { jacobi_defect } from '../../cpu/jacobi_defect.ts';
import { jacobi_gather } from '../../cpu/jacobi_gather.ts';
import { jacobi_load } from '../../cpu/jacobi_load.ts';
import { meeting, PAIR, subproblemRows } from '../../cpu/jacobi_meeting.ts';
import { jacobi_rows } from '../../cpu/jacobi_rows.ts';
import { jacobi_scan } from '../../cpu/jacobi_scan.ts';
import { jacobi_solve } from '../../cpu/jacobi_solve.ts';
import { jacobi_summary } from '../../cpu/jacobi_summary.ts';
import { createNodeWebGpuBackend, maxAbsDifference, normalisedError, randomValues } from '../../testing.ts';
import { jacobiColumnNormsKernel } from './jacobi_column_norms.ts';
import { jacobiConvergeKernel } from './jacobi_converge.ts';
import { jacobiDefectKernel } from './jacobi_defect.ts';
import { jacobiGatherKernel } from './jacobi_gather.ts';
import { jacobiLoadKernel } from './jacobi_load.ts';
import { jacobiRowsKernel } from './jacobi_rows.ts';
import { jacobiScanKernel } from './jacobi_scan.ts';
import { jacobiSolveKernel } from './jacobi_solve.ts';
import { jacobiSummaryKernel } from './jacobi_summary.ts';

const backend = await createNodeWebGpuBackend();
afterAll(() => backend?.dispose());

const f32Bits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0];
/** Status of a running iteration on a matrix of norm 1. */
const RUNNING = [f32Bits(1), 0, 0, 0, f32Bits(1), 0, 0, 0];
const OVER = [f32Bits(1), 1, 3, 0, f32Bits(1), 0, 0, 0];

function symmetricValues(size: number, seed: number): Float32Array {
  const values = randomValues(size * size, seed);
  return values.map((value, at) =>
    at % size < Math.floor(at / size) ? values[(at % size) * size + Math.floor(at / size)] : value,
  );
}

function transposed(values: ArrayLike<number>, size: number): Float64Array {
  return Float64Array.from({ length: size * size }, (_, at) => values[(at % size) * size + Math.floor(at / size)]);
}

/** Runs calls on fresh tensors and frees all of them. */
async function withTensors<T>(body: (own: <A extends Tensor>(tensor: A) => A) => Promise<T>): Promise<T> {
  const owned: Tensor[] = [];
  try {
    return await body((tensor) => {
      owned.push(tensor);
      return tensor;
    });
  } finally {
    for (const tensor of owned) tensor.dispose();
  }
}

describe('the tournament', () => {
  it.each([2, 4, 6, 36])('lets every two of %i players meet exactly once', (players) => {
    const met = new Set<string>();
    for (let round = 0; round < players - 1; round++) {
      const present = new Set<number>();
      for (let pair = 0; pair < players / 2; pair++) {
        const [low, high] = meeting(players, round, pair);
        expect(low).toBeLessThan(high);
        met.add(`${low},${high}`);
        present.add(low).add(high);
      }
      expect(present.size).toBe(players);
    }
    expect(met.size).toBe((players * (players - 1)) / 2);
  });
});

describe.skipIf(!backend)('Jacobi kernels against their f64 twins', () => {
  it.each([
    [1, 32],
    [7, 32],
    [40, 64],
  ])('jacobi_scan and jacobi_load: n = %i, padded to %i', (n, size) =>
    withTensors(async (own) => {
      const values = randomValues(n * n, 3).map((value) => 1e-20 * value);
      const covariance = own(backend!.fromArray(values, [n, n], 'covariance'));
      const status = own(backend!.fromIds(new Array(8).fill(0), 'status'));
      const matrix = own(backend!.empty([size, size], 'matrix'));
      const vectors = own(backend!.empty([size, size], 'vectors'));
      jacobiScanKernel(backend!.context, { covariance, status, n });
      jacobiLoadKernel(backend!.context, { covariance, status, matrix, vectors, n, size });
      const largest = jacobi_scan(values, n);
      expect((await backend!.read(status))[0]).toBe(f32Bits(largest));
      // A power of two changes no mantissa: equal to the last bit.
      expect([...(await backend!.read(matrix))]).toEqual([...jacobi_load(values, n, size, largest)]);
      const identity = await backend!.read(vectors);
      expect(identity.every((value, at) => value === (at % size === Math.floor(at / size) ? 1 : 0))).toBe(true);
    }),
  );

  // Both workgroup shapes: the default for hardware, and the software adapter's.
  it.each([
    [32, 0, 1, 64],
    [32, 0, 2, 8],
    [96, 3, 2, 64],
    [96, 4, 3, 8],
  ])('jacobi_solve: size %i, round %i, %i sweeps, %i invocations', (size, round, inner_sweeps, WORKGROUP_SIZE) =>
    withTensors(async (own) => {
      const values = symmetricValues(size, 5);
      const pairs = size / PAIR;
      const status = own(backend!.fromIds(RUNNING, 'status'));
      const matrix = own(backend!.fromArray(values, [size, size], 'matrix'));
      const rotations = own(backend!.empty([pairs, PAIR, PAIR], 'rotations'));
      const is_active = own(backend!.emptyIds(pairs, 'is_active'));
      const [threshold, scaled_threshold] = [1e-6, 1e-7];
      const sizes = { size, round, inner_sweeps, threshold, scaled_threshold };
      const args = { status, matrix, rotations, is_active, ...sizes };
      jacobiSolveKernel(backend!.context, args, { WORKGROUP_SIZE });
      const [found, turned] = [await backend!.read(matrix), await backend!.read(rotations)];
      const active = await backend!.read(is_active);
      const untouched = Float32Array.from(found);
      for (let pair = 0; pair < pairs; pair++) {
        const rows = subproblemRows(size, round, pair);
        const take = (source: ArrayLike<number>): number[] =>
          rows.flatMap((row) => rows.map((column) => source[row * size + column]));
        const expected = jacobi_solve(take(values), inner_sweeps, threshold, scaled_threshold);
        const W = turned.subarray(pair * PAIR * PAIR, (pair + 1) * PAIR * PAIR);
        expect(active[pair]).toBeGreaterThan(0);
        expect(maxAbsDifference(take(found), expected.subproblem)).toBeLessThan(2e-4); // the angles amplify rounding
        expect(maxAbsDifference(W, expected.rotation)).toBeLessThan(2e-4);
        const dot = (i: number, j: number): number =>
          rows.reduce((sum, _, k) => sum + W[k * PAIR + i] * W[k * PAIR + j], 0);
        for (let i = 0; i < PAIR; i++) {
          for (let j = 0; j < PAIR; j++) expect(Math.abs(dot(i, j) - (i === j ? 1 : 0))).toBeLessThan(4e-6);
        }
        for (const row of rows) for (const column of rows) untouched[row * size + column] = values[row * size + column];
      }
      expect(untouched).toEqual(values);
    }),
  );

  it('jacobi_solve diagonalises, and then reports that nothing is left to turn', () =>
    withTensors(async (own) => {
      const status = own(backend!.fromIds(RUNNING, 'status'));
      const matrix = own(backend!.fromArray(symmetricValues(PAIR, 9), [PAIR, PAIR], 'matrix'));
      const rotations = own(backend!.empty([1, PAIR, PAIR], 'rotations'));
      const is_active = own(backend!.fromIds([7], 'is_active'));
      const args = {
        status,
        matrix,
        rotations,
        is_active,
        size: PAIR,
        round: 0,
        inner_sweeps: 12,
        threshold: 1e-5,
        scaled_threshold: 0,
      };
      jacobiSolveKernel(backend!.context, args);
      const solved = await backend!.read(matrix);
      for (let i = 0; i < PAIR; i++) {
        for (let j = 0; j < PAIR; j++) if (i !== j) expect(Math.abs(solved[i * PAIR + j])).toBeLessThanOrEqual(1e-5);
        if (i > 0) expect(solved[i * (PAIR + 1)]).toBeLessThanOrEqual(solved[(i - 1) * (PAIR + 1)]);
      }
      jacobiSolveKernel(backend!.context, args);
      expect((await backend!.read(is_active))[0]).toBe(0);
    }));

  it.each([
    [64, 1, { VECTORS: 1, WORKGROUP_SIZE: 64 }],
    [64, 2, { VECTORS: 2, WORKGROUP_SIZE: 16 }],
    [96, 4, { VECTORS: 1, WORKGROUP_SIZE: 64 }],
    [160, 7, { VECTORS: 2, WORKGROUP_SIZE: 16 }],
  ])('jacobi_rows: size %i, round %i, shape %o, one pair at rest', (size, round, shape) =>
    withTensors(async (own) => {
      const pairs = size / PAIR;
      const resting = 1;
      const turns = randomValues(pairs * PAIR * PAIR, 11);
      for (let at = 0; at < PAIR * PAIR; at++) turns[resting * PAIR * PAIR + at] = at % (PAIR + 1) === 0 ? 1 : 0;
      const values = symmetricValues(size, 13);
      const status = own(backend!.fromIds(RUNNING, 'status'));
      const rotations = own(backend!.fromArray(turns, [pairs, PAIR, PAIR], 'rotations'));
      const is_active = own(
        backend!.fromIds(
          Array.from({ length: pairs }, (_, pair) => (pair === resting ? 0 : 3)),
          'is_active',
        ),
      );
      const matrix = own(backend!.fromArray(values, [size, size], 'matrix'));
      const vectors = own(backend!.fromArray(values, [size, size], 'vectors'));
      for (const turn_pass of [1, 2]) {
        jacobiRowsKernel(backend!.context, { status, rotations, is_active, matrix, size, round, turn_pass }, shape);
      }
      const args = { status, rotations, is_active, matrix: vectors, size, round, turn_pass: 0 };
      jacobiRowsKernel(backend!.context, args, shape);

      const left = jacobi_rows(values, size, turns, round);
      expect(normalisedError(await backend!.read(vectors), left)).toBeLessThan(1e-13); // sums of 32 products
      const both = transposed(jacobi_rows(transposed(left, size), size, turns, round), size);
      // Diagonal tiles are jacobi_solve's to write.
      for (let pair = 0; pair < pairs; pair++) {
        const rows = subproblemRows(size, round, pair);
        for (const row of rows) for (const column of rows) both[row * size + column] = values[row * size + column];
      }
      const found = await backend!.read(matrix);
      expect(normalisedError(found, both)).toBeLessThan(1e-13);
      expect(maxAbsDifference(found, transposed(found, size))).toBe(0);
    }),
  );

  it.each([
    [1, 32],
    [31, 32],
    [64, 64],
  ])('jacobi_column_norms and jacobi_converge: n = %i of %i', (n, size) =>
    withTensors(async (own) => {
      const values = symmetricValues(size, 17);
      const status = own(backend!.fromIds([f32Bits(1), 0, 0, 0, 0, 0, 0, 0], 'status'));
      const matrix = own(backend!.fromArray(values, [size, size], 'matrix'));
      const norms = own(backend!.empty([n, 4], 'norms'));
      jacobiColumnNormsKernel(backend!.context, { status, matrix, norms, n, size });
      const expected = jacobi_column_norms(values, n, size);
      expect(normalisedError(await backend!.read(norms), expected)).toBeLessThan(1e-12);

      const { off, norm, scaled } = jacobi_converge(expected);
      const check = async (sweeps: number, tolerance: number, scaled_tolerance: number): Promise<Uint32Array> => {
        jacobiConvergeKernel(backend!.context, { norms, status, n, sweeps, tolerance, scaled_tolerance });
        return Uint32Array.from(await backend!.read(status));
      };
      const share = off / norm;
      const enough = share * 1.01;
      const first = await check(0, share * 0.99 - 1e-9, scaled * 1.01);
      expect([first[1], first[2], first[6]]).toEqual([0, 0, 0]);
      const found = new Float32Array(first.buffer);
      expect(maxAbsDifference([found[3] / norm, found[4] / norm], [share, 1])).toBeLessThan(1e-5);
      expect(Math.abs(found[5] - scaled)).toBeLessThanOrEqual(1e-5 * scaled);
      if (n > 1) {
        // Two sweeps are spent on polishing, and no third.
        expect((await check(1, enough, scaled * 0.99))[1]).toBe(0);
        expect((await check(2, enough, scaled * 0.99))[1]).toBe(0);
        expect((await check(3, enough, scaled * 0.99)).slice(1, 3)).toEqual(Uint32Array.of(1, 3));
      }
      const over = await check(4, enough, scaled * 1.01);
      expect(over[1]).toBe(1);
      // Once over, nothing changes any more.
      expect(await check(5, 0, 0)).toEqual(over);
    }),
  );

  it('jacobi_converge ends at once where the scan found infinity or NaN', () =>
    withTensors(async (own) => {
      const status = own(backend!.fromIds([0x7f800000, 0, 0, 0, 0, 0, 0, 0], 'status'));
      const norms = own(backend!.fromArray([1, 1, 1, 0], [1, 4], 'norms'));
      const tolerances = { tolerance: 0, scaled_tolerance: 0 };
      jacobiConvergeKernel(backend!.context, { norms, status, n: 1, sweeps: 0, ...tolerances });
      expect((await backend!.read(status))[1]).toBe(1);
    }));

  it.each([
    [1, 32],
    [33, 64],
  ])('jacobi_gather and jacobi_summary: n = %i of %i', (n, size) =>
    withTensors(async (own) => {
      const values = randomValues(size * size, 19);
      const indices = Array.from({ length: n }, (_, i) => (i * 7 + 3) % size);
      const vectors = own(backend!.fromArray(values, [size, size], 'vectors'));
      const order = own(backend!.fromIds(indices, 'order'));
      const eigenvectors = own(backend!.empty([n, n], 'eigenvectors'));
      jacobiGatherKernel(backend!.context, { vectors, order, eigenvectors, n, size });
      expect([...(await backend!.read(eigenvectors))]).toEqual([...jacobi_gather(values, size, indices)]);

      const status = own(backend!.fromIds(OVER, 'status'));
      const summary = own(backend!.emptyIds(8 + size, 'summary'));
      jacobiSummaryKernel(backend!.context, { status, matrix: vectors, summary, size });
      expect([...(await backend!.read(summary))]).toEqual([...jacobi_summary(OVER, values, size)]);
    }),
  );

  it.each([1, 33])('jacobi_defect: size %i', (size) =>
    withTensors(async (own) => {
      const values = randomValues(size * size, 29);
      const gram = own(backend!.fromArray(values, [size, size], 'gram'));
      jacobiDefectKernel(backend!.context, { gram, size });
      expect(maxAbsDifference(await backend!.read(gram), jacobi_defect(values, size))).toBeLessThan(2e-7);
    }),
  );

  it('does nothing once the iteration is over', () =>
    withTensors(async (own) => {
      const size = 64;
      const values = symmetricValues(size, 23);
      const status = own(backend!.fromIds(OVER, 'status'));
      const matrix = own(backend!.fromArray(values, [size, size], 'matrix'));
      const rotations = own(backend!.fromArray(randomValues(2 * PAIR * PAIR, 1), [2, PAIR, PAIR], 'rotations'));
      const is_active = own(backend!.fromIds([1, 1], 'is_active'));
      const common = { status, matrix, rotations, is_active, size, round: 0 };
      jacobiSolveKernel(backend!.context, { ...common, inner_sweeps: 1, threshold: 0, scaled_threshold: 0 });
      for (const turn_pass of [0, 1, 2]) jacobiRowsKernel(backend!.context, { ...common, turn_pass });
      expect(await backend!.read(matrix)).toEqual(values);
    }));
});
