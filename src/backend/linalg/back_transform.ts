/**
 * @file Eigenvectors of a tridiagonal matrix → eigenvectors of the matrix it was reduced from: z ← Q·z with Q a product of
 * Householder reflectors, taken in blocks as I − V·T·Vᵀ so that the work is matrix products (compact WY form: Schreiber &
 * Van Loan, SIAM J. Sci. Stat. Comput. 10, 1989). Vectors are rows here, so that z·V reads and writes them as they lie.
 */
import { type AddProduct, addProduct, transposed, view } from './gemm.ts';

const BLOCK = 48;

/**
 * z ← H₍ₙ₋₁₎ ··· H₁ · z of every row z in place, with reflectors as `tridiagonalise` leaves them: H_i = I − tau[i]·v·vᵀ, v in the first i
 * places of row i of `a`.
 * @param a (n, n) row-major. @param z (n, n) row-major, a vector in each row.
 */
export async function backTransform(
  a: Float64Array,
  tau: Float64Array,
  z: Float64Array,
  n: number,
  breathe: () => Promise<void> | undefined,
  multiply: AddProduct = addProduct,
): Promise<void> {
  for (let first = 1; first < n; first += BLOCK) {
    const last = Math.min(n, first + BLOCK) - 1;
    const used: number[] = [];
    for (let i = first; i <= last; i++) if (tau[i] !== 0) used.push(i);
    if (used.length > 0) applyBlock(a, tau, z, n, used, multiply);
    const pause = breathe();
    if (pause) await pause;
  }
}

function applyBlock(
  a: Float64Array,
  tau: Float64Array,
  z: Float64Array,
  n: number,
  used: readonly number[],
  multiply: AddProduct,
): void {
  const b = used.length;
  const size = used[b - 1]; // the block acts on that many coordinates
  const rows = new Float64Array(b * size); // Vᵀ
  used.forEach((i, r) => {
    rows.set(a.subarray(i * n, i * n + i), r * size);
  });
  const T = factorOf(rows, b, size, (r) => tau[used[r]]);
  const W = new Float64Array(n * b);
  multiply(n, b, size, view(z, n), transposed(view(rows, size)), view(W, b));
  const minusWT = new Float64Array(n * b);
  for (let i = 0; i < T.length; i++) T[i] = -T[i];
  multiply(n, b, b, view(W, b), transposed(view(T, b)), view(minusWT, b));
  multiply(n, size, b, view(minusWT, b), view(rows, size), view(z, n));
}

/** T, lower triangular: a reflector more on the left adds the row (−τ·vᵀV·T, τ). */
function factorOf(rows: Float64Array, b: number, size: number, tau: (r: number) => number): Float64Array {
  const products = new Float64Array(b * b);
  addProduct(b, b, size, view(rows, size), transposed(view(rows, size)), view(products, b));
  const T = new Float64Array(b * b);
  for (let r = 0; r < b; r++) {
    T[r * b + r] = tau(r);
    for (let j = 0; j < r; j++) {
      let sum = 0;
      for (let i = j; i < r; i++) sum += products[r * b + i] * T[i * b + j];
      T[r * b + j] = -tau(r) * sum;
    }
  }
  return T;
}
