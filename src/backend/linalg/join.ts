/**
 * @file One join of the divide-and-conquer eigensolver: the eigenproblems of two halves and the rank-one change that couples
 * them become that of the whole (Cuppen 1981; Gu & Eisenstat 1995; deflation and the order of columns as in LAPACK's `dlaed2`). All
 * in place: nearly everything is two matrix products, of only those rows that are not zero.
 */
import { type AddProduct, view } from './gemm.ts';
import { secularRoots, secularVectors } from './secular.ts';
import { stretchesOf } from './shared_work.ts';

const EPSILON = Number.EPSILON / 2;

/** Where an eigenproblem of size n is solved: blocks of rows and columns belong to its parts. */
export interface JoinPlace {
  readonly n: number;
  /** (n): eigenvalues, each in the slot of its vector. */
  readonly values: Float64Array;
  /** (n): slots of a solved part by ascending value. */
  readonly order: Float64Array;
  /** (n, n) row-major, a vector in each row; zero outside the parts that are solved. */
  readonly vectors: Float64Array;
  /** (n, n) each, for what is multiplied. */
  readonly gathered: Float64Array;
  readonly shares: Float64Array;
  /** (n, {@link SECULAR_ROWS}): numbers of the rank-one change. */
  readonly secular: Float64Array;
}

/** d, z, roots, z that fits them, and the order of components. */
export const SECULAR_ROWS = 5;

/** Which halves a vector has components in. */
const [TOP, BOTTOM] = [1, 2];

/** Columns of the joined problem, ascending by value. */
interface Columns {
  readonly slots: number[];
  readonly z: Float64Array;
  readonly halves: Uint8Array;
}

/**
 * Joins parts `start … middle` and `middle … end`: diag(values) + rho·u·uᵀ with u = (last column of the upper vectors, sign · first
 * column of the lower ones).
 * @param wanted How many of the largest eigenvalues' vectors are wanted: others are not made, and their slots are void.
 * @returns All eigenvalues, ascending.
 */
export function joinHalves(
  place: JoinPlace,
  [start, middle, end]: readonly [number, number, number],
  rho: number,
  sign: number,
  multiply: AddProduct,
  wanted = end - start,
): Float64Array {
  const { n, values, order, vectors, gathered, shares } = place;
  const columns = columnsOf(place, [start, middle, end], sign);
  const { kept, deflated } = deflate(place, start, end, columns, rho);
  const k = kept.length;
  // By halves, so that what multiplies either lies together.
  const [upper, both, lower] = [TOP, TOP | BOTTOM, BOTTOM].map((halves) =>
    Array.from(kept.keys()).filter((i) => columns.halves[kept[i]] === halves),
  );
  const grouped = [...upper, ...both, ...lower];
  const [tops, bottoms] = [upper.length + both.length, both.length + lower.length];

  let at = start * n;
  const gathering = stretchesOf(gathered, vectors, multiply);
  const gather = (slot: number, from: number, to: number) => {
    gathering.copy(at, slot * n + from, to - from);
    at += to - from;
  };
  const top_at = at;
  for (const i of grouped.slice(0, tops)) gather(columns.slots[kept[i]], start, middle);
  const bottom_at = at;
  for (const i of grouped.slice(k - bottoms)) gather(columns.slots[kept[i]], middle, end);
  const deflated_at = at;
  const deflatedValues = deflated.map((i) => values[columns.slots[i]]);
  for (const i of deflated) gather(columns.slots[i], start, end);

  const [d, z, eigenvalues, fitted, order_of] = [0, 1, 2, 3, 4].map((row) => {
    const at = SECULAR_ROWS * start + row * (end - start);
    return place.secular.subarray(at, at + k);
  });
  kept.forEach((column, i) => {
    d[i] = values[columns.slots[column]];
    z[i] = columns.z[column];
    order_of[i] = grouped[i];
  });
  const problem = { d, z, k, rho, eigenvalues, fitted, differences: shares.subarray(start * n, start * n + k * k) };
  secularRoots(problem, multiply);
  for (let i = 0; i < k; i++) values[start + i] = eigenvalues[i];
  deflatedValues.forEach((value, i) => {
    values[start + k + i] = value;
  });
  const sorted = Array.from({ length: end - start }, (_, i) => start + i).sort((a, b) => values[a] - values[b]);
  for (const [i, slot] of sorted.entries()) order[start + i] = slot;

  const ascending = Float64Array.from(sorted, (slot) => values[slot]);
  // Vectors that are wanted get the first rows, in the order of their slots.
  const needed = new Set(sorted.slice(end - start - wanted));
  // Roots ascend, and so those that are wanted are the last of them.
  let found = 0;
  while (found < k && needed.has(start + k - 1 - found)) found++;
  secularVectors(problem, found, order_of, multiply);
  const [n1, n2] = [middle - start, end - middle];
  const width = end - start;
  const made = stretchesOf(vectors, gathered, multiply);
  for (let i = 0; i < found; i++) made.clear((start + i) * n + start, width);
  const product = (m: number, from: number, count: number, first: number, origin: number) => {
    if (found === 0 || count === 0) return;
    const left = view(shares, k, start * n + (k - found) * k + first);
    multiply(found, m, count, left, view(gathered, m, from), view(vectors, n, start * n + origin));
  };
  product(n1, top_at, tops, 0, start);
  product(n2, bottom_at, bottoms, k - bottoms, middle);
  let row = start + found;
  for (let i = 0; i < deflated.length; i++) {
    if (!needed.has(start + k + i)) continue;
    made.copy(row * n + start, deflated_at + i * width, width);
    row++;
  }
  if (wanted < width) compact(place, start, needed);
  return ascending;
}

/** Values and order of those that are wanted alone, whose vectors lie one after another. */
function compact({ values, order }: JoinPlace, start: number, needed: ReadonlySet<number>): void {
  const slots = [...needed].sort((a, b) => a - b);
  slots.forEach((slot, i) => {
    values[start + i] = values[slot];
  });
  const sorted = slots.map((_, i) => start + i).sort((a, b) => values[a] - values[b]);
  for (const [i, slot] of sorted.entries()) order[start + i] = slot;
}

/** Those of both halves, in the order of their values. */
function columnsOf(place: JoinPlace, [start, middle, end]: readonly [number, number, number], sign: number): Columns {
  const { n, values, order, vectors } = place;
  const slots: number[] = [];
  const z = new Float64Array(end - start);
  const halves = new Uint8Array(end - start);
  let [upper, lower] = [start, middle];
  for (let i = 0; i < end - start; i++) {
    const isUpper = lower === end || (upper < middle && values[order[upper]] <= values[order[lower]]);
    const slot = isUpper ? order[upper++] : order[lower++];
    slots.push(slot);
    z[i] = isUpper ? vectors[slot * n + middle - 1] : sign * vectors[slot * n + middle];
    halves[i] = isUpper ? TOP : BOTTOM;
  }
  return { slots, z, halves };
}

/**
 * Takes out the columns that the rank-one change leaves alone: those with a negligible z, and one of each two whose values
 * are so near that a rotation brings its z to zero. What is kept has values apart and no zero z.
 */
function deflate(
  place: JoinPlace,
  start: number,
  end: number,
  columns: Columns,
  rho: number,
): { kept: number[]; deflated: number[] } {
  const { slots, z } = columns;
  let largest = 0;
  for (const [i, slot] of slots.entries()) largest = Math.max(largest, Math.abs(place.values[slot]), Math.abs(z[i]));
  const tolerance = 8 * EPSILON * largest;
  const kept: number[] = [];
  const deflated: number[] = [];
  let pending: number | undefined;
  for (const i of slots.keys()) {
    if (rho * Math.abs(z[i]) <= tolerance) {
      deflated.push(i);
      continue;
    }
    if (pending !== undefined && isTurnedAway(place, start, end, columns, pending, i, tolerance))
      deflated.push(pending);
    else if (pending !== undefined) kept.push(pending);
    pending = i;
  }
  if (pending !== undefined) kept.push(pending);
  return { kept, deflated };
}

/** Turns two neighbouring columns so that all of z is in the second one, where that changes the matrix negligibly. */
function isTurnedAway(
  { n, values, vectors }: JoinPlace,
  start: number,
  end: number,
  { slots, z, halves }: Columns,
  first: number,
  second: number,
  tolerance: number,
): boolean {
  const size = Math.hypot(z[first], z[second]);
  const c = z[second] / size;
  const s = -z[first] / size;
  const low = values[slots[first]];
  const high = values[slots[second]];
  if (Math.abs((high - low) * c * s) > tolerance) return false;
  const [a, b] = [slots[first] * n, slots[second] * n];
  for (let i = start; i < end; i++) {
    const x = vectors[a + i];
    const y = vectors[b + i];
    vectors[a + i] = c * x + s * y;
    vectors[b + i] = c * y - s * x;
  }
  halves[first] |= halves[second];
  halves[second] = halves[first];
  values[slots[first]] = low * c * c + high * s * s;
  values[slots[second]] = low * s * s + high * c * c;
  z[first] = 0;
  z[second] = size;
  return true;
}
