/**
 * @file Steps of the f64 solvers that a backend's threads may share: each can be done for a range of its items alone, with the same
 * bits whoever does it. Arrays lie where `AddProduct.allocate` put them, where all threads reach them.
 */
import { type AddProduct, addProduct } from './gemm.ts';
import type { JoinPlace } from './join.ts';

/** Parts of a tridiagonal eigenproblem, which are torn from one another, in arrays that all threads reach. */
export interface TridiagonalParts extends JoinPlace {
  readonly off: Float64Array;
  /** How often the matrix was torn before its parts were solved. */
  readonly depth: number;
}

/** diag(d) + ρ·z·zᵀ in arrays that all threads reach, and what is found of it: `secular.ts`. */
export interface SecularProblem {
  /** (k) strictly ascending. */
  readonly d: Float64Array;
  /** (k) without zeros. */
  readonly z: Float64Array;
  readonly k: number;
  /** Positive. */
  readonly rho: number;
  /** (k) ascending. */
  readonly eigenvalues: Float64Array;
  /** (k, k) row-major: row j gets dᵢ − λⱼ for all i, then the vector of root j where it is wanted. */
  readonly differences: Float64Array;
  /** (k): z that fits the roots. */
  readonly fitted: Float64Array;
}

export interface SecularVectors extends SecularProblem {
  /** (k): which component goes to which place. */
  readonly columns: Float64Array;
}

/** Eigenvectors as they are found, to eigenvectors as they are given: see `write_vectors.ts`. */
export interface WriteVectors {
  /** (count, n) row-major, by ascending value. */
  readonly z: Float64Array;
  readonly count: number;
  readonly n: number;
  /** One of the two is there: (n, count) row-major, by descending value. */
  readonly doubles?: Float64Array;
  readonly singles?: Float32Array;
  /** (count, `VECTOR_SCRATCH`): what kernels put down. */
  readonly scratch: Float64Array;
}

/** Symmetric matrices of one size with what is found of them, one behind another: see `eigenpairs_task.ts`. */
export interface Eigenpairs {
  /** (count, `eigenpairsPlace(n)`): at the beginning of each (n, n) row-major, of which the upper triangle is read; used up. */
  readonly places: Float64Array;
  readonly n: number;
  /** How many eigenvectors are wanted, of the largest eigenvalues. */
  readonly wanted: number;
  /** (count, n), descending. */
  readonly eigenvalues: Float64Array;
  /** (count, n, wanted) row-major. */
  readonly eigenvectors: Float32Array;
  /** (count): 1 where a matrix has none, because it is not finite or its solver does not converge. */
  readonly failed: Float64Array;
}

/** An eigendecomposition and what is measured of it: see `figures_task.ts`. */
export interface DecompositionFigures {
  /** (n, n) row-major, both triangles. */
  readonly covariance: Float64Array;
  /** (n). */
  readonly eigenvalues: Float64Array;
  /** (n, `dimension` or more) row-major. */
  readonly eigenvectors: Float64Array;
  readonly n: number;
  /** Columns that are kept. */
  readonly dimension: number;
  /** Leading columns that are far above the others. */
  readonly leading: number;
  /** The orthogonality error, the residual's norm, the covariance's norm, the bound on the kept energy; then what a kernel puts down. */
  readonly figures: Float64Array;
}

/** Arguments are in arrays that all threads reach. */
export interface ReflectRows {
  /** (count, n) row-major, a vector in each row. */
  readonly z: Float64Array;
  readonly n: number;
  /** (n, n): row i has the reflector of step i in its first i places, and zeros after them as far as its block reaches. */
  readonly reflectors: Float64Array;
  /** Of each block (block, block) row-major: −T. */
  readonly factors: Float64Array;
  /** (count, 2·block), for products. */
  readonly scratch: Float64Array;
  readonly first_block: number;
  readonly last_block: number;
}

/** Arguments are in arrays that all threads reach. */
export interface ReflectorFactors {
  /** (n, n), as `tridiagonalise` leaves it; what lies right of its reflectors becomes zero as far as their block reaches. */
  readonly reflectors: Float64Array;
  /** (n): τ of each. */
  readonly scales: Float64Array;
  readonly n: number;
  /** Of each block (block, block) row-major, zeros: takes −T. */
  readonly factors: Float64Array;
}

/** Shares of A·v, for the leading `size` rows of a symmetric A. */
export interface SymmetricProduct {
  /** (size, stride) row-major, of which the lower triangle is read. */
  readonly matrix: Float64Array;
  readonly stride: number;
  readonly size: number;
  /** Rows that the matrix has, `size` or more. */
  readonly rows: number;
  /** Zero in the three places after `size`. */
  readonly v: Float64Array;
  /** (parts, length): the share of each range, to be added up. A row ends in what the kernel puts down. */
  readonly products: Float64Array;
  readonly length: number;
  readonly parts: number;
}

/** What a panel of reflectors takes off the lower triangle of the leading `size` rows. */
export interface PanelUpdate {
  readonly matrix: Float64Array;
  readonly stride: number;
  readonly size: number;
  /** (count, length) each: matrix += leftᵀ·right. */
  readonly left: Float64Array;
  readonly right: Float64Array;
  readonly length: number;
  readonly count: number;
}

/** A triangular factor that is made or used, with its diagonal blocks' inverses. */
export interface FactorPlace {
  /** (n, n) row-major: rows of U as far as they are known, below them −A. What lies below the diagonal is void, or zero. */
  readonly U: Float64Array;
  readonly n: number;
  /** Row i has row i of the −U⁻¹ of its diagonal block, {@link FactorPlace.block} numbers; whole blocks. */
  readonly inverses: Float64Array;
  readonly block: number;
}

/** Rows `start … end` of a factorisation. */
export interface CholeskyPanel extends FactorPlace {
  readonly start: number;
  readonly end: number;
  /** (n): of A. */
  readonly diagonal: Float64Array;
  /** The first row whose pivot is not positive, counted from one, and that pivot. */
  readonly failure: Float64Array;
  /** (n, block). */
  readonly scratch: Float64Array;
}

/** Rows `start … end` right of their diagonal block. */
export type FinishRows = Omit<CholeskyPanel, 'diagonal' | 'failure'>;

/** Panels `first_panel … last_panel`, a block of rows each, of one of the two triangular systems. */
export interface SolveColumns extends FactorPlace {
  /** (n, columns) row-major. */
  readonly x: Float64Array;
  readonly columns: number;
  /** (columns, block). */
  readonly scratch: Float64Array;
  readonly first_panel: number;
  readonly last_panel: number;
  /** Uᵀ·Y = B, from the top; else U·X = Y, from the bottom. */
  readonly down: boolean;
}

/** Diagonal parts of an upper triangular matrix, halves of halves, that are inverted in their places, negated. */
export interface InverseParts {
  /** (n, n) row-major; zeros below the diagonal. */
  readonly U: Float64Array;
  readonly n: number;
  /** How often it was halved. */
  readonly depth: number;
  readonly scratch: Float64Array;
}

/** Two neighbouring parts, rows `start … middle` and `middle … end`, both inverted; see `joinInverse`. */
export interface InverseJoin extends Omit<InverseParts, 'depth'> {
  readonly start: number;
  readonly middle: number;
  readonly end: number;
  readonly stage: number;
}

/**
 * A range counts matrices of `eigenpairs`, the two halves of `decomposition_figures`, ranges of `symmetric_product`, strips of `panel_update`, parts of `tridiagonal_parts` and `inverse_parts`, blocks of
 * `reflector_factors`, vectors of `reflect_rows` and `write_vectors`, roots of secular ones, columns of the others.
 */
export interface LinalgTasks {
  eigenpairs: Eigenpairs;
  symmetric_product: SymmetricProduct;
  panel_update: PanelUpdate;
  tridiagonal_parts: TridiagonalParts;
  reflector_factors: ReflectorFactors;
  reflect_rows: ReflectRows;
  write_vectors: WriteVectors;
  decomposition_figures: DecompositionFigures;
  secular_roots: SecularProblem;
  secular_vectors: SecularVectors;
  cholesky_panel: CholeskyPanel;
  finish_rows: FinishRows;
  solve_columns: SolveColumns;
  inverse_parts: InverseParts;
  inverse_join: InverseJoin;
}
export type LinalgTaskName = keyof LinalgTasks;

/** Does a range of a task, with products of the thread's own. */
export type RangeWork<T> = (task: T, start: number, end: number, multiply: AddProduct) => void;

/** Ranges `bounds[i] … bounds[i + 1]` of a task on all threads. */
export type ShareWork = <K extends LinalgTaskName>(name: K, task: LinalgTasks[K], bounds: readonly number[]) => void;

/** Does all of a task: shared where `multiply` is a backend's and the work pays it. @param products How many multiply-adds it is. */
export function runShared<K extends LinalgTaskName>(
  multiply: AddProduct,
  name: K,
  work: RangeWork<LinalgTasks[K]>,
  task: LinalgTasks[K],
  bounds: readonly number[],
  products: number,
): void {
  if (multiply.share && bounds.length > 2 && paysSharing(products)) multiply.share(name, task, bounds);
  else work(task, bounds[0], bounds[bounds.length - 1], multiply);
}

/** Bounds of ranges of `count` items, at most {@link MOST_RANGES}, of whole units. */
export function rangesOf(count: number, unit: number): number[] {
  const units = Math.ceil(count / unit);
  const ranges = Math.max(1, Math.min(MOST_RANGES, units));
  return Array.from({ length: ranges + 1 }, (_, i) => Math.min(count, Math.ceil((i * units) / ranges) * unit));
}

/** Bounds of an even number of equally long ranges, of whole units and about so long at most: two threads end together. */
export function evenRanges(count: number, most: number, unit: number): number[] {
  const ranges = Math.min(MOST_RANGES, 2 * Math.ceil(count / (2 * most)));
  const bounds = Array.from({ length: ranges + 1 }, (_, i) =>
    i === ranges ? count : Math.round((i * count) / ranges / unit) * unit,
  );
  return [...new Set(bounds)];
}

/** Whether work of so many multiply-adds is worth waiting for another thread. */
export function paysSharing(products: number): boolean {
  return products >= WORTH_SHARING;
}

/** As many as threads can be given at a time. */
const MOST_RANGES = 32;
/** The least that a range of columns has of them, about: operands of a product are packed once a range. */
const RANGE_COLUMNS = 96;

/** Bounds of ranges of columns, two, four, eight … of them: so many threads have equally much. */
export function columnRanges(first: number, last: number): number[] {
  const count = last - first;
  const most = Math.min(MOST_RANGES / 2, Math.max(1, count / RANGE_COLUMNS));
  const ranges = 2 ** Math.floor(Math.log2(most));
  return Array.from({ length: ranges + 1 }, (_, i) =>
    i === ranges ? last : first + Math.round((i * count) / ranges / WHOLE) * WHOLE,
  );
}

/** Columns of a tile, of either width. */
const WHOLE = 8;
/** Below this another thread costs more than it saves. */
const WORTH_SHARING = 2 ** 19;

/** Stretches of an array. */
export interface Stretches {
  /** Elements `from … from + count` of the other array, to `at` on. */
  copy(at: number, from: number, count: number): void;
  clear(at: number, count: number): void;
}

/** Of `target`, with another array to copy from: by the memory's own instructions where both lie where kernels reach them. */
export function stretchesOf(target: Float64Array, source: Float64Array, multiply: AddProduct): Stretches {
  const kernel = multiply.kernelFor?.(source) && multiply.kernelFor(target);
  if (!kernel) {
    return {
      copy: (at, from, count) => target.set(source.subarray(from, from + count), at),
      clear: (at, count) => void target.fill(0, at, at + count),
    };
  }
  const [to, base] = [target.byteOffset, source.byteOffset];
  return {
    copy: (at, from, count) => kernel.copy(to + 8 * at, base + 8 * from, 8 * count),
    clear: (at, count) => kernel.zero(to + 8 * at, 8 * count),
  };
}

/** Arrays of one solver, given back together. */
export interface Room {
  /** With what they held before. */
  take(elements: number): Float64Array;
  /** Gives one of them back before the others. */
  give(values: Float64Array): void;
  release(): void;
}

/** Where the threads' memory is full, arrays are the caller's own, and so is the work. */
export function room(multiply: AddProduct = addProduct): Room {
  const taken: Float64Array[] = [];
  return {
    take(elements) {
      try {
        const values = multiply.allocate?.(elements);
        if (values) taken.push(values);
        if (values) return values;
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
      return new Float64Array(elements);
    },
    give(values) {
      const at = taken.indexOf(values);
      if (at >= 0) multiply.release?.(taken.splice(at, 1)[0]);
    },
    release() {
      for (const values of taken.splice(0)) multiply.release?.(values);
    },
  };
}

/** Works on a copy of `values` that all threads reach, and copies back what became of it; on `values` itself where they reach that. */
export async function whereShared<T>(
  values: Float64Array,
  multiply: AddProduct,
  work: (held: Float64Array) => Promise<T>,
): Promise<T> {
  if (!multiply.allocate || multiply.kernelFor?.(values)) return work(values);
  const held = room(multiply);
  try {
    const copy = held.take(values.length);
    copy.set(values);
    const result = await work(copy);
    values.set(copy);
    return result;
  } finally {
    held.release();
  }
}
