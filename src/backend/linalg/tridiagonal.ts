/**
 * @file Householder reduction of a symmetric f64 matrix to tridiagonal form, A = Q·T·Qᵀ, working on rows of the lower
 * triangle so that every inner loop is contiguous (Golub & Van Loan, *Matrix Computations*, §8.3.1, from the last row up).
 * Reflectors are applied to the rest of the matrix a panel at a time, as one matrix product; within a panel the rows and
 * products that are needed are corrected for the reflectors before them (Dongarra, Sorensen & Hammarling 1989, LAPACK's
 * `latrd`). The symmetric product, half of the work, reads each element once; threads share it
 * where the matrix is large.
 */
import { pulse } from '../../pulse/pulse.ts';
import { type AddProduct, addProduct } from './gemm.ts';
import { symmetricProduct, symmetricRange, UPDATE_ROWS, updatePanel } from './reduction_tasks.ts';
import { type Room, rangesOf, room, runShared } from './shared_work.ts';
import type { Steps } from './steps.ts';
import { createVectorKernel, KERNEL_SCRATCH, type VectorKernel } from './vector_kernel.ts';

export interface Tridiagonal {
  diagonal: Float64Array;
  /** off[i] couples i and i + 1; the last one is zero. */
  off: Float64Array;
}

/** Places after a vector that loops over whole vectors and rows may read: they hold zeros. */
const BEYOND = 3;

/** Vectors smaller than this against a matrix scaled to 1 are zero: their squares would underflow. */
const NEGLIGIBLE = 1e-140;

/** Reflectors of a panel. */
const PANEL = 32;
/** Ranges of a product with a vector, and the size from which it has them: smaller ones take less time than sharing them. */
const [PARTS, WORTH_PARTS] = [4, 896];
/** The size from which a panel's update is shared: where others want the cores too, every wait for a thread may be a long one. */
const WORTH_UPDATE = 320;

/**
 * Reduces `a` (n, n), of which the lower triangle is read and overwritten: row i then holds the reflector of step i in
 * its first i places. `tau[i]` is 2/vᵀv, or 0 where step i needed no reflector. What is right of the diagonal is lost.
 */
export function* tridiagonalise(
  a: Float64Array,
  n: number,
  tau: Float64Array,
  multiply: AddProduct = addProduct,
): Steps<Tridiagonal> {
  const held = room(multiply);
  try {
    const place = takePlace(a, n, held, multiply);
    if (place.matrix !== a) copyTriangle(a, n, place.matrix, place.stride, n);
    const reduction = new Reduction(place, n, tau);
    for (let last = n - 1; last >= 0; last -= PANEL) {
      reduction.panel(last, Math.max(0, last - PANEL + 1));
      yield;
    }
    if (place.matrix !== a) copyTriangle(place.matrix, place.stride, a, n, n);
    if (place.machine) idle = place.machine;
    return { diagonal: reduction.diagonal, off: reduction.off };
  } finally {
    held.release();
  }
}

/** The matrix and rows of numbers where a kernel reaches them. */
interface Place {
  readonly kernel: VectorKernel;
  readonly multiply: AddProduct;
  readonly matrix: Float64Array;
  readonly stride: number;
  readonly scratch: Float64Array;
  /** Of this thread alone, where they lie in one. */
  readonly machine?: Machine;
}

interface Machine {
  readonly memory: WebAssembly.Memory;
  readonly kernel: VectorKernel;
  readonly isFused: boolean;
}

/** Rows of scratch: V and W, −W and −V of a panel, shares of a product, and what kernels put down. */
const SCRATCH_ROWS = 4 * PANEL + PARTS + 1;

/** Kept from one matrix to the next, as an engine may have only so many memories; a second reduction at a time has its own. */
let idle: Machine | undefined;

function takeMachine(isFused: boolean): Machine {
  const machine = idle;
  idle = undefined;
  if (machine?.isFused === isFused) return machine;
  const memory = machine?.memory ?? new WebAssembly.Memory({ initial: 1 });
  return { memory, kernel: createVectorKernel(memory, isFused), isFused };
}

function takePlace(a: Float64Array, n: number, held: Room, multiply: AddProduct): Place {
  // Loops run to whole vectors, one number beyond an odd row.
  const stride = n + (n % 2) + 2;
  // And zeros beyond, then what kernels put down.
  const length = stride + KERNEL_SCRATCH;
  const shared = multiply.kernelFor?.(a);
  const scratch = shared && held.take(SCRATCH_ROWS * length);
  if (scratch && multiply.kernelFor?.(scratch)) return { kernel: shared, multiply, matrix: a, stride: n, scratch };
  const machine = takeMachine(multiply.isFused ?? false);
  const { memory, kernel } = machine;
  const elements = n * stride + SCRATCH_ROWS * length;
  const missing = Math.ceil((8 * elements) / 65536) - memory.buffer.byteLength / 65536;
  if (missing > 0) memory.grow(missing);
  const values = new Float64Array(memory.buffer, 0, elements);
  const own: AddProduct = (...product) => multiply(...product);
  own.kernelFor = () => kernel;
  const matrix = values.subarray(0, n * stride);
  return { kernel, multiply: own, matrix, stride, scratch: values.subarray(n * stride), machine };
}

function copyTriangle(from: Float64Array, from_stride: number, to: Float64Array, to_stride: number, n: number): void {
  for (let i = 0; i < n; i++) to.set(from.subarray(i * from_stride, i * from_stride + i + 1), i * to_stride);
}

/** x·y of the first `count` elements, one after another: in other sums a sliced model's perplexity would change by some thousandths. */
function dot(x: Float64Array, y: Float64Array, count: number): number {
  let sum = 0;
  for (let j = 0; j < count; j++) sum += x[j] * y[j];
  return sum;
}

class Reduction {
  readonly diagonal: Float64Array;
  readonly off: Float64Array;
  /** Rows of V and W, as many each as the panel has reflectors, and of −W and −V. */
  private readonly rows: Float64Array[];
  private readonly products: Float64Array;
  private readonly pair: Float64Array;
  /** Elements of a row of scratch. */
  private readonly length: number;

  constructor(
    private readonly place: Place,
    private readonly n: number,
    private readonly tau: Float64Array,
  ) {
    this.diagonal = new Float64Array(n);
    this.off = new Float64Array(n);
    const { scratch } = place;
    this.length = scratch.length / SCRATCH_ROWS;
    const { length } = this;
    this.rows = Array.from({ length: 4 * PANEL }, (_, i) => scratch.subarray(i * length, (i + 1) * length));
    this.products = scratch.subarray(4 * PANEL * length, (4 * PANEL + PARTS) * length);
    this.pair = scratch.subarray((4 * PANEL + PARTS) * length, (4 * PANEL + PARTS) * length + KERNEL_SCRATCH);
    scratch.fill(0);
  }

  /** Steps `last` down to `first`, then what they do to the rest of the matrix. */
  panel(last: number, first: number): void {
    for (let i = last; i >= first; i--) this.step(i, last - i);
    // Only the last panel has fewer reflectors, and nothing is left below it.
    if (first === 0) return;
    const { place, length } = this;
    const { matrix, stride, scratch, multiply } = place;
    const half = 2 * PANEL * length;
    const task = {
      ...{ matrix, stride, size: first, count: 2 * PANEL, length },
      ...{ left: scratch.subarray(0, half), right: scratch.subarray(half, 2 * half) },
    };
    const strips = Math.ceil(first / UPDATE_ROWS);
    const bounds = first < WORTH_UPDATE ? [0, strips] : rangesOf(strips, 1);
    runShared(multiply, 'panel_update', updatePanel, task, bounds, first * first * PANEL);
  }

  /** @param earlier How many reflectors of the panel came before. */
  private step(i: number, earlier: number): void {
    const { place, tau, diagonal, off, rows, pair } = this;
    const { matrix, stride, kernel } = place;
    const row = matrix.subarray(i * stride, i * stride + i + 1);
    const [v, w, minus_w, minus_v] = [0, 1, 2, 3].map((kind) => rows[kind * PANEL + earlier]);
    pulse();
    this.correctRow(i, earlier);
    diagonal[i] = row[i];
    tau[i] = 0;
    if (i === 0) return;
    off[i - 1] = row[i - 1];
    // Before its last element.
    if (this.largest(row, i - 1) <= NEGLIGIBLE) {
      for (const kind of [v, w, minus_w, minus_v]) kind.fill(0, 0, i + BEYOND);
      return;
    }

    // H = I − tau·v·vᵀ sends x = a[i, :i] to (0 … 0, −sign(x_last)·‖x‖); v is scaled by 1/‖x‖.
    const norm = Math.sqrt(dot(row, row, i));
    const last = row[i - 1];
    pair[0] = 1 / norm;
    // Whole vectors: the diagonal is put down already.
    const bytes = 8 * (i + (i % 2));
    kernel.scaled_copy(row.byteOffset, v.byteOffset, bytes, pair.byteOffset);
    v[i - 1] += last < 0 ? -1 : 1;
    row[i - 1] = v[i - 1];
    for (let j = i; j < i + BEYOND; j++) v[j] = 0;
    off[i - 1] = last < 0 ? norm : -norm;
    tau[i] = 1 / (1 + Math.abs(last) / norm);

    // w = tau·A·v − (tau/2)·(vᵀ·tau·A·v)·v; the panel then takes v·wᵀ + w·vᵀ off A.
    this.symmetric(i, v, w);
    this.correctProduct(i, earlier, v, w);
    const factor = tau[i];
    const half = (factor * factor * dot(v, w, i)) / 2;
    [pair[0], pair[1]] = [factor, half];
    const [v_at, w_at, minus_w_at, minus_v_at] = [v, w, minus_w, minus_v].map(({ byteOffset }) => byteOffset);
    kernel.finish_reflector(v_at, w_at, minus_w_at, minus_v_at, bytes, pair.byteOffset);
  }

  /** The largest magnitude of the first `count` elements; NaN counts as none. */
  private largest(x: Float64Array, count: number): number {
    const { place, pair } = this;
    const whole = count - (count % 2);
    let largest = whole < count ? Math.abs(x[whole]) : 0;
    if (whole === 0) return largest;
    place.kernel.extremes(x.byteOffset, 8 * whole, pair.byteOffset);
    for (let lane = 0; lane < 2; lane++) largest = Math.max(largest, pair[lane], -pair[2 + lane]);
    return largest;
  }

  /** a[i, :i + 1] −= Σ v_k[i]·w_k + w_k[i]·v_k over the reflectors before it in the panel. */
  private correctRow(i: number, earlier: number): void {
    const { place, pair } = this;
    const { kernel, matrix, stride } = place;
    const row = matrix.byteOffset + 8 * i * stride;
    // Rounded up to two elements: what lies beyond the diagonal is not used.
    const [v, w] = [this.rows[0].byteOffset, this.rows[PANEL].byteOffset];
    const step = 8 * this.length;
    if (earlier > 0) kernel.correct_row(row, v, w, step, v + earlier * step, 8 * (i + 1), 8 * i, pair.byteOffset);
  }

  /** p −= Σ v_k·(w_kᵀ·v) + w_k·(v_kᵀ·v), for p = A·v with A as it was before the panel. */
  private correctProduct(i: number, earlier: number, v: Float64Array, p: Float64Array): void {
    const { place, pair } = this;
    const { kernel } = place;
    const [v_0, w_0] = [this.rows[0].byteOffset, this.rows[PANEL].byteOffset];
    const step = 8 * this.length;
    const [y, x] = [p.byteOffset, v.byteOffset];
    // v is zero from i on.
    if (earlier > 0) kernel.correct_product(y, x, v_0, w_0, step, v_0 + earlier * step, 8 * i, pair.byteOffset);
    for (let j = i; j < i + BEYOND; j++) p[j] = 0;
  }

  /** product = A·v for the leading `size` rows of the symmetric A. */
  private symmetric(size: number, v: Float64Array, product: Float64Array): void {
    const { place, products, length } = this;
    const { matrix, stride, multiply } = place;
    const parts = size < WORTH_PARTS ? 1 : PARTS;
    const task = { matrix, stride, size, rows: this.n, v, products: parts === 1 ? product : products, length, parts };
    if (parts === 1) {
      symmetricProduct(task, 0, 1, multiply);
      return;
    }
    runShared(multiply, 'symmetric_product', symmetricProduct, task, rangesOf(parts, 1), size * size);
    product.fill(0, 0, size);
    for (let part = 0; part < parts; part++) {
      const [, end] = symmetricRange(size, part, parts);
      const from = part * length;
      for (let j = 0; j < end; j++) product[j] += products[from + j];
    }
  }
}
