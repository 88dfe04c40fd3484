/**
 * @file Eigendecompositions on the CPU backend's threads: all of them on one matrix, or each on a matrix of its own. The bits are the
 * same either way. Up to some size a matrix on two threads takes well over half of what it takes on one, for a good part of it is too
 * little work to be shared.
 */
import { inSpan } from '../../pulse/timeline.ts';
import type { Eigendecomposition, Eigh64Args, EighTogetherArgs, Tensor } from '../backend.ts';
import { allocated } from '../cpu/host_backend.ts';
import type { Values } from '../cpu/tensor.ts';
import { nextTask, throwIfCancelled } from '../event_loop.ts';
import { eigenpairsPlace } from '../linalg/eigenpairs_task.ts';
import type { AddProduct } from '../linalg/gemm.ts';
import type { Eigenpairs } from '../linalg/shared_work.ts';
import { symmetricEigenInto } from '../linalg/symmetric_eigen.ts';
import { type Arrays, HeapArrays } from './arrays.ts';
import type { Threads } from './threads.ts';

const SOLVER = 'householder-dc-f64';

/** The size from which a matrix keeps all threads busy, and more than one of them would not stay in the caches. */
const TOO_LARGE = 1024;
/** The most that matrices, what their solvers take and their eigenvectors may take at a time. */
const MOST_BYTES = 256 * 2 ** 20;

/** What of the backend it works with. */
export interface EigenTools {
  threads: Threads;
  arrays: Arrays;
  multiply: AddProduct;
  /** Makes a tensor of an array. */
  keep: (shape: readonly number[], label: string, values: Float32Array) => Tensor;
}

export class EigenSolver {
  constructor(private readonly tools: EigenTools) {}

  /** In f64; the eigenvectors are rounded to f32 at the end. */
  async one(
    { n, wanted, signal }: Omit<Eigh64Args, 'matrix'>,
    matrix: Values,
    of = 'covariance',
  ): Promise<Eigendecomposition> {
    const { arrays, multiply } = this.tools;
    const label = labelOf(of);
    const room = (elements: number) => allocated(4 * elements, label, () => arrays.floats(elements));
    const { eigenvalues, eigenvectors } = await inSpan('eigh', () =>
      symmetricEigenInto(room, matrix, n, signal, multiply, wanted),
    );
    return this.found(eigenvalues, eigenvectors, n, wanted, label);
  }

  /** How many matrices of n rows are best solved together: one for each thread, or one at a time. */
  countTogether(n: number): number {
    const { threads, arrays } = this.tools;
    const isHeld = arrays instanceof HeapArrays && threads.count * bytesOf(n, n) <= MOST_BYTES;
    return isHeld && n < TOO_LARGE ? threads.count : 1;
  }

  /** @param take Gets what was found of one matrix after another, while there are no eigenvectors of others among the tensors. */
  async together(
    { matrices, n, wanted, signal }: EighTogetherArgs,
    take: (found: Eigendecomposition, index: number) => Promise<void>,
  ): Promise<void> {
    const most = this.countTogether(n);
    for (let first = 0; first < matrices.length; first += most) {
      // A thread that has a matrix does not stop within it.
      await nextTask();
      throwIfCancelled(signal);
      await this.lot(matrices.slice(first, first + most), n, wanted, signal, (found, i) => take(found, first + i));
    }
  }

  private async lot(
    matrices: readonly Float64Array[],
    n: number,
    wanted: number,
    signal: AbortSignal | undefined,
    take: (found: Eigendecomposition, index: number) => Promise<void>,
  ): Promise<void> {
    const { threads, arrays } = this.tools;
    const taken = matrices.length > 1 ? allocate(arrays, matrices.length, n, wanted) : undefined;
    try {
      if (taken) {
        for (const [i, matrix] of matrices.entries()) taken.places.set(matrix, i * eigenpairsPlace(n));
        const bounds = Array.from({ length: matrices.length + 1 }, (_, i) => i);
        await inSpan('eigh', async () => threads.run('eigenpairs', taken, bounds));
      }
      for (const [i, matrix] of matrices.entries()) {
        // What cannot be solved says so by itself, and where memory is short one at a time may still be.
        const found = taken?.failed[i] === 0 ? this.copied(taken, i) : await this.one({ n, wanted, signal }, matrix);
        await take(found, i);
      }
    } finally {
      if (taken) release(arrays, taken);
    }
  }

  private copied({ n, wanted, eigenvalues, eigenvectors }: Eigenpairs, i: number): Eigendecomposition {
    const { arrays } = this.tools;
    const size = n * wanted;
    const label = labelOf('covariance');
    const columns = allocated(4 * size, label, () => arrays.floats(size));
    columns.set(eigenvectors.subarray(i * size, (i + 1) * size));
    return this.found(eigenvalues.slice(i * n, (i + 1) * n), columns, n, wanted, label);
  }

  private found(
    eigenvalues: Float64Array,
    eigenvectors: Float32Array,
    n: number,
    wanted: number,
    label: string,
  ): Eigendecomposition {
    return { eigenvalues, eigenvectors: this.tools.keep([n, wanted], label, eigenvectors), sweeps: 0, solver: SOLVER };
  }
}

const labelOf = (of: string) => `${of} eigenvectors`;
const bytesOf = (n: number, wanted: number) => 8 * (eigenpairsPlace(n) + n + 1) + 4 * n * wanted;

/** Undefined where memory is short. */
function allocate(arrays: Arrays, count: number, n: number, wanted: number): Eigenpairs | undefined {
  const parts: (Float64Array | Float32Array)[] = [];
  const doubles = (elements: number) => {
    const values = arrays.doubles(elements);
    parts.push(values);
    return values;
  };
  try {
    const places = doubles(count * eigenpairsPlace(n));
    const [eigenvalues, failed] = [doubles(count * n), doubles(count)];
    return { places, n, wanted, eigenvalues, failed, eigenvectors: arrays.floats(count * n * wanted) };
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    for (const part of parts) arrays.recycle(part);
    return undefined;
  }
}

function release(arrays: Arrays, { places, eigenvalues, failed, eigenvectors }: Eigenpairs): void {
  for (const part of [places, eigenvalues, failed, eigenvectors]) arrays.recycle(part);
}
