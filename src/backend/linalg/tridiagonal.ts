/**
 * @file Householder reduction of a symmetric f64 matrix to tridiagonal form, A = Q·T·Qᵀ, working on rows of the lower
 * triangle so that every inner loop is contiguous (Golub & Van Loan, *Matrix Computations*, §8.3.1, from the last row up).
 * Reflectors are applied to the rest of the matrix a panel at a time, as one matrix product; within a panel the rows and
 * products that are needed are corrected for the reflectors before them (Dongarra, Sorensen & Hammarling 1989, LAPACK's
 * `latrd`). The symmetric product, half of the work, reads each element once.
 */
import { addProduct, transposed, view } from './gemm.ts';
import { createVectorKernel, type VectorKernel } from './vector_kernel.ts';

export interface Tridiagonal {
  diagonal: Float64Array;
  /** off[i] couples i and i + 1; the last one is zero. */
  off: Float64Array;
}

/** Vectors smaller than this against a matrix scaled to 1 are zero: their squares would underflow. */
const NEGLIGIBLE = 1e-140;

/** Reflectors of a panel. */
const PANEL = 32;
/** Rows of the triangle that are brought up to date together. */
const STRIP = 128;

interface Machine {
  memory: WebAssembly.Memory;
  kernel: VectorKernel;
}

/** Kept from one matrix to the next, as an engine may have only so many memories; a second reduction at a time has its own. */
let idle: Machine | undefined;

function takeMachine(): Machine {
  const memory = idle?.memory ?? new WebAssembly.Memory({ initial: 1 });
  const kernel = idle?.kernel ?? createVectorKernel(memory);
  idle = undefined;
  return { memory, kernel };
}

/**
 * Reduces `a` (n, n), of which the lower triangle is read and overwritten: row i then holds the reflector of step i in
 * its first i places. `tau[i]` is 2/vᵀv, or 0 where step i needed no reflector.
 */
export async function tridiagonalise(
  a: Float64Array,
  n: number,
  tau: Float64Array,
  breathe: () => Promise<void> | undefined,
): Promise<Tridiagonal> {
  const machine = takeMachine();
  const reduction = new Reduction(machine, n, tau);
  reduction.load(a);
  for (let last = n - 1; last >= 0; last -= PANEL) {
    reduction.panel(last, Math.max(0, last - PANEL + 1));
    const pause = breathe();
    if (pause) await pause;
  }
  reduction.store(a);
  idle = machine;
  return { diagonal: reduction.diagonal, off: reduction.off };
}

/** The matrix, V and W of a panel and two numbers, in WebAssembly's memory. Places are counted in elements. */
class Reduction {
  readonly diagonal: Float64Array;
  readonly off: Float64Array;
  private readonly kernel: VectorKernel;
  private readonly values: Float64Array;
  /** Elements of a row. */
  private readonly stride: number;
  /** V and W have a row for each reflector of the panel. */
  private readonly V: number;
  private readonly W: number;
  private readonly pair: number;

  constructor(
    { memory, kernel }: Machine,
    private readonly n: number,
    private readonly tau: Float64Array,
  ) {
    this.diagonal = new Float64Array(n);
    this.off = new Float64Array(n);
    this.kernel = kernel;
    this.stride = n + (n % 2);
    this.V = this.stride * n;
    this.W = this.V + PANEL * this.stride;
    this.pair = this.W + PANEL * this.stride;
    const missing = Math.ceil((8 * (this.pair + 2)) / 65536) - memory.buffer.byteLength / 65536;
    if (missing > 0) memory.grow(missing);
    this.values = new Float64Array(memory.buffer);
  }

  load(a: Float64Array): void {
    const { n } = this;
    const { values, stride } = this;
    for (let i = 0; i < n; i++) values.set(a.subarray(i * n, i * n + i + 1), i * stride);
  }

  store(a: Float64Array): void {
    const { n } = this;
    const { values, stride } = this;
    for (let i = 0; i < n; i++) a.set(values.subarray(i * stride, i * stride + i), i * n);
  }

  /** Steps `last` down to `first`, then what they do to the rest of the matrix. */
  panel(last: number, first: number): void {
    for (let i = last; i >= first; i--) this.step(i, last - i);
    const { values, stride, V, W } = this;
    const count = last - first + 1;
    if (first === 0) return;
    // A −= Vᵀ·W + Wᵀ·V as one product, (V; W)ᵀ·(−W; −V), of the lower triangle: each strip of rows up to its diagonal.
    const left = new Float64Array(2 * count * stride);
    left.set(values.subarray(V, V + count * stride));
    left.set(values.subarray(W, W + count * stride), count * stride);
    const right = new Float64Array(left.length);
    for (let i = 0; i < count * stride; i++) {
      right[i] = -left[count * stride + i];
      right[count * stride + i] = -left[i];
    }
    for (let row = 0; row < first; row += STRIP) {
      const end = Math.min(first, row + STRIP);
      const rows = transposed(view(left, stride, row));
      addProduct(end - row, end, 2 * count, rows, view(right, stride), view(values, stride, row * stride));
    }
  }

  /** @param earlier How many reflectors of the panel came before. */
  private step(i: number, earlier: number): void {
    const { values, stride, V, W, tau, diagonal, off } = this;
    const row = i * stride;
    this.correctRow(i, earlier);
    diagonal[i] = values[row + i];
    tau[i] = 0;
    const v_row = V + earlier * stride;
    const w_row = W + earlier * stride;
    values.fill(0, v_row, v_row + stride);
    values.fill(0, w_row, w_row + stride);
    if (i === 0) return;
    off[i - 1] = values[row + i - 1];
    let largest = 0;
    let squares = 0;
    for (let j = 0; j < i; j++) {
      const value = values[row + j];
      if (j < i - 1) largest = Math.max(largest, Math.abs(value));
      squares += value * value;
    }
    if (largest <= NEGLIGIBLE) return;

    // H = I − tau·v·vᵀ sends x = a[i, :i] to (0 … 0, −sign(x_last)·‖x‖); v is scaled by 1/‖x‖.
    const norm = Math.sqrt(squares);
    const last = values[row + i - 1];
    for (let j = 0; j < i; j++) values[v_row + j] = values[row + j] / norm;
    values[v_row + i - 1] += last < 0 ? -1 : 1;
    off[i - 1] = last < 0 ? norm : -norm;
    tau[i] = 1 / (1 + Math.abs(last) / norm);
    values.copyWithin(row, v_row, v_row + i);

    // w = tau·A·v − (tau/2)·(vᵀ·tau·A·v)·v; the panel then takes v·wᵀ + w·vᵀ off A.
    this.multiply(i, v_row, w_row);
    this.correctProduct(i, earlier, v_row, w_row);
    let projection = 0;
    for (let j = 0; j < i; j++) {
      values[w_row + j] *= tau[i];
      projection += values[v_row + j] * values[w_row + j];
    }
    const half = (tau[i] * projection) / 2;
    for (let j = 0; j < i; j++) values[w_row + j] -= half * values[v_row + j];
  }

  /** a[i, :i + 1] −= Σ v_k[i]·w_k + w_k[i]·v_k over the reflectors before it in the panel. */
  private correctRow(i: number, earlier: number): void {
    const { kernel, values, stride, V, W, pair } = this;
    for (let k = 0; k < earlier; k++) {
      const [v_k, w_k] = [V + k * stride, W + k * stride];
      values[pair] = -values[w_k + i];
      values[pair + 1] = -values[v_k + i];
      // Rounded up to two elements: what lies beyond the diagonal is not used.
      kernel.add_pair(8 * i * stride, 8 * v_k, 8 * w_k, 8 * (i + 1), 8 * pair);
    }
  }

  /** p −= Σ v_k·(w_kᵀ·v) + w_k·(v_kᵀ·v), for p = A·v with A as it was before the panel. */
  private correctProduct(i: number, earlier: number, v_row: number, w_row: number): void {
    const { kernel, values, stride, V, W, pair } = this;
    for (let k = 0; k < earlier; k++) {
      const [v_k, w_k] = [V + k * stride, W + k * stride];
      // v is zero from i on.
      kernel.dot_pair(8 * v_row, 8 * w_k, 8 * v_k, 8 * i, 8 * pair);
      values[pair] = -values[pair];
      values[pair + 1] = -values[pair + 1];
      kernel.add_pair(8 * w_row, 8 * v_k, 8 * w_k, 8 * i, 8 * pair);
    }
    if (i % 2 === 1) values[w_row + i] = 0;
  }

  /** product = A·v for the leading `size` rows of the symmetric A; four rows at a time. */
  private multiply(size: number, v: number, product: number): void {
    const { kernel, values, stride } = this;
    let i = 0;
    for (; i + 4 <= size; i += 4) {
      if (i > 0) kernel.symmetric_rows(8 * i * stride, 8 * stride, 8 * i, 8 * v, 8 * product);
      multiplyCorner(values, stride, i, i, i + 4, v, product);
    }
    multiplyCorner(values, stride, 0, i, size, v, product);
  }
}

/** Adds the share of rows `start … end` from columns `first` up to the diagonal. */
function multiplyCorner(
  values: Float64Array,
  stride: number,
  first: number,
  start: number,
  end: number,
  v: number,
  product: number,
): void {
  for (let i = start; i < end; i++) {
    const row = i * stride;
    let sum = values[row + i] * values[v + i];
    for (let j = first; j < i; j++) {
      const element = values[row + j];
      sum += element * values[v + j];
      values[product + j] += element * values[v + i];
    }
    values[product + i] += sum;
  }
}
