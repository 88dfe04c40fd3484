/**
 * @file Eigenvalues and vectors of a symmetric tridiagonal f64 matrix by divide and conquer: the matrix is torn into two
 * halves and a rank-one change, which are solved and joined (Cuppen 1981; Gu & Eisenstat 1995; deflation as in LAPACK's
 * dlaed2). Nearly all work is matrix products, and less of it the more eigenvalues cluster.
 */
import { type AddProduct, addProduct, view } from './gemm.ts';
import { secularRoots, secularVectors } from './secular.ts';
import type { Tridiagonal } from './tridiagonal.ts';
import { diagonaliseTridiagonal } from './tridiagonal_ql.ts';

const EPSILON = Number.EPSILON / 2;
/** Below this the QL iteration is as fast. */
const SMALLEST = 32;

export interface TridiagonalEigen {
  /** Ascending. */
  values: Float64Array;
  /** (n, n) row-major, row j for value j: vectors are put together, and put in order, as they lie. */
  vectors: Float64Array;
}

type Breathe = () => Promise<void> | undefined;

/** `diagonal` and `off` (as {@link Tridiagonal}) are overwritten. Throws `not_converged`, `cancelled`. */
export async function divideAndConquer(
  { diagonal, off }: Tridiagonal,
  breathe: Breathe,
  multiply: AddProduct = addProduct,
): Promise<TridiagonalEigen> {
  return solve(diagonal, off, 0, diagonal.length, breathe, multiply);
}

async function solve(
  diagonal: Float64Array,
  off: Float64Array,
  start: number,
  end: number,
  breathe: Breathe,
  multiply: AddProduct,
): Promise<TridiagonalEigen> {
  const n = end - start;
  if (n <= SMALLEST) return solveDirectly(diagonal.slice(start, end), off.slice(start, end), n, breathe);
  const middle = start + (n >> 1);
  const coupling = off[middle - 1];
  const rho = Math.abs(coupling);
  diagonal[middle - 1] -= rho;
  diagonal[middle] -= rho;
  const upper = await solve(diagonal, off, start, middle, breathe, multiply);
  const lower = await solve(diagonal, off, middle, end, breathe, multiply);
  const joined = join(upper, lower, rho, Math.sign(coupling), multiply);
  const pause = breathe();
  if (pause) await pause;
  return joined;
}

async function solveDirectly(diagonal: Float64Array, off: Float64Array, n: number, breathe: Breathe) {
  off[n - 1] = 0;
  const z = new Float64Array(n * n);
  for (let i = 0; i < n; i++) z[i * n + i] = 1;
  await diagonaliseTridiagonal({ diagonal, off }, z, n, breathe);
  const order = Array.from(diagonal.keys()).sort((i, j) => diagonal[i] - diagonal[j]);
  const vectors = new Float64Array(n * n);
  for (let j = 0; j < n; j++) for (let row = 0; row < n; row++) vectors[j * n + row] = z[row * n + order[j]];
  return { values: diagonal.sort(), vectors };
}

/** A column of the joined problem: from the upper half, the lower one, or turned together out of both. */
interface Column {
  value: number;
  z: number;
  /** (n₁) and (n₂); absent where it is zero. */
  top?: Float64Array;
  bottom?: Float64Array;
}

/** Eigen of diag(upper, lower) + rho·u·uᵀ with u = (last row of the upper half, sign · first row of the lower one). */
function join(
  upper: TridiagonalEigen,
  lower: TridiagonalEigen,
  rho: number,
  sign: number,
  multiply: AddProduct,
): TridiagonalEigen {
  const [n1, n2] = [upper.values.length, lower.values.length];
  const columns = [...columnsOf(upper, n1 - 1, 1, 'top'), ...columnsOf(lower, 0, sign, 'bottom')].sort(
    (a, b) => a.value - b.value,
  );
  const { kept, deflated } = deflate(columns, rho);
  const k = kept.length;
  if (k === 0) return assemble(deflated, undefined, n1, n2);
  const d = Float64Array.from(kept, ({ value }) => value);
  const z = Float64Array.from(kept, (column) => column.z);
  const solution = secularRoots(d, z, rho);
  const U = secularVectors(d, z, solution);
  const product = (half: 'top' | 'bottom', rows: number) => {
    const used = kept.flatMap((column, i) => (column[half] ? [i] : []));
    const count = used.length;
    const own = new Float64Array(count * rows);
    used.forEach((i, at) => {
      own.set(kept[i][half] as Float64Array, at * rows);
    });
    const shares = new Float64Array(k * count);
    for (let j = 0; j < k; j++) for (let at = 0; at < count; at++) shares[j * count + at] = U[j * k + used[at]];
    const values = new Float64Array(k * rows);
    multiply(k, rows, count, view(shares, count), view(own, rows), view(values, rows));
    return values;
  };
  return assemble(
    deflated,
    { values: solution.eigenvalues, top: product('top', n1), bottom: product('bottom', n2) },
    n1,
    n2,
  );
}

function columnsOf({ values, vectors }: TridiagonalEigen, row: number, sign: number, half: 'top' | 'bottom'): Column[] {
  const n = values.length;
  return Array.from(values, (value, j) => {
    const column = vectors.subarray(j * n, (j + 1) * n);
    return { value, z: sign * column[row], [half]: column };
  });
}

/**
 * Takes out the columns that the rank-one change leaves alone: those with a negligible z, and one of each two whose values
 * are so near that a rotation brings its z to zero. What is kept has values apart and no zero z.
 */
function deflate(columns: Column[], rho: number): { kept: Column[]; deflated: Column[] } {
  const largest = columns.reduce((most, { value, z }) => Math.max(most, Math.abs(value), Math.abs(z)), 0);
  const tolerance = 8 * EPSILON * largest;
  const kept: Column[] = [];
  const deflated: Column[] = [];
  let pending: Column | undefined;
  for (const column of columns) {
    if (rho * Math.abs(column.z) <= tolerance) {
      deflated.push(column);
      continue;
    }
    if (pending && isTurnedAway(pending, column, tolerance)) deflated.push(pending);
    else if (pending) kept.push(pending);
    pending = column;
  }
  if (pending) kept.push(pending);
  return { kept, deflated };
}

/** Turns two neighbouring columns so that all of z is in the second one, where that changes the matrix negligibly. */
function isTurnedAway(first: Column, second: Column, tolerance: number): boolean {
  const size = Math.hypot(first.z, second.z);
  const c = second.z / size;
  const s = -first.z / size;
  const gap = second.value - first.value;
  if (Math.abs(gap * c * s) > tolerance) return false;
  for (const half of ['top', 'bottom'] as const) {
    const length = (first[half] ?? second[half])?.length;
    if (length === undefined) continue;
    const a = first[half] ?? new Float64Array(length);
    const b = second[half] ?? new Float64Array(length);
    for (let i = 0; i < length; i++) {
      const x = a[i];
      const y = b[i];
      a[i] = c * x + s * y;
      b[i] = c * y - s * x;
    }
    first[half] = a;
    second[half] = b;
  }
  const low = first.value;
  const high = second.value;
  first.value = low * c * c + high * s * s;
  second.value = low * s * s + high * c * c;
  first.z = 0;
  second.z = size;
  return true;
}

interface Joined {
  values: Float64Array;
  /** (k, n₁) and (k, n₂). */
  top: Float64Array;
  bottom: Float64Array;
}

/** All columns in ascending order of their values. */
function assemble(deflated: Column[], joined: Joined | undefined, n1: number, n2: number): TridiagonalEigen {
  const n = n1 + n2;
  const all = [
    ...Array.from(joined?.values ?? [], (value, j) => ({ value, j, column: undefined })),
    ...deflated.map((column) => ({ value: column.value, j: 0, column })),
  ].sort((a, b) => a.value - b.value);
  const vectors = new Float64Array(n * n);
  all.forEach(({ j, column }, to) => {
    const top = column ? column.top : joined?.top.subarray(j * n1, (j + 1) * n1);
    const bottom = column ? column.bottom : joined?.bottom.subarray(j * n2, (j + 1) * n2);
    if (top) vectors.set(top, to * n);
    if (bottom) vectors.set(bottom, to * n + n1);
  });
  return { values: Float64Array.from(all, ({ value }) => value), vectors };
}
