/**
 * @file Symmetric eigendecomposition on the GPU by Householder reduction, direct: A = H·T·Hᵀ in compute passes, T = Z·Λ·Zᵀ by
 * divide and conquer in f64 on the host, and Q = H·Z in matrix products on the GPU.
 *
 * The reduction takes 32 columns at a time (LAPACK's sytrd and latrd). A column is three dispatches: its update by the
 * panel, the product of the matrix with it, and the reflector with what follows from the sums. The rest of the matrix
 * changes once a panel. Nothing is read back until T is known, but for a word a batch: batches are sized by the measured
 * time, so that a slow device can be cancelled between panels.
 *
 * The reflectors of 128 columns act on Z together as I − V·S·Vᵀ (compact WY form: Schreiber & Van Loan 1989). Their Gram
 * matrices come back with T, and S follows in f64.
 */
import type { Shape } from '../../tensor/shape.ts';
import type { Eigendecomposition, EighArgs } from '../backend.ts';
import { breather, throwIfCancelled } from '../event_loop.ts';
import { divideAndConquer, type TridiagonalEigen } from '../linalg/divide_and_conquer.ts';
import { inBreaths } from '../linalg/steps.ts';
import { checkEigh } from '../shapes.ts';
import type { GpuTensor } from './buffers.ts';
import type { GpuContext } from './context.ts';
import { isFinite32, nonFinite, scaleOf } from './eigh_scale.ts';
import { jacobiScanKernel } from './kernels/jacobi_scan.ts';
import { matmul } from './kernels/matmul.ts';
import { tridiagonalColumnKernel } from './kernels/tridiagonal_column.ts';
import { tridiagonalFinishKernel } from './kernels/tridiagonal_finish.ts';
import { BLOCK, columnPartsStride, PANEL, productLength } from './kernels/tridiagonal_layout.ts';
import { tridiagonalLoadKernel } from './kernels/tridiagonal_load.ts';
import { tridiagonalProductKernel } from './kernels/tridiagonal_product.ts';
import { tridiagonal_project } from './kernels/tridiagonal_project.ts';
import { tridiagonalReduceKernel } from './kernels/tridiagonal_reduce.ts';
import { tridiagonal_update } from './kernels/tridiagonal_update.ts';

export const TRIDIAGONAL_SOLVER = 'tridiagonal-dc-f32';

/** Reflectors that act on the eigenvectors together. */
const WIDE = 128;
/** Panels are queued ahead up to this much measured time. */
const BATCH_MS = 250;

/** Shapes of the dispatches of a column: short sums and many invocations for hardware … */
const HARDWARE = { ROWS: 32, VECTORS: 1, COLUMN: 64, PRODUCT: 32, REDUCE: 64 };
/** … and few, long ones for a software adapter, where subgroups of 4 are the unit (measured on SwiftShader). */
const SOFTWARE = { ROWS: 256, VECTORS: 4, COLUMN: 16, PRODUCT: 4, REDUCE: 16 };

/** The overrides of a column's three kernels. */
function overridesOf({ ROWS, VECTORS, COLUMN, PRODUCT, REDUCE }: typeof HARDWARE) {
  return {
    column: { WORKGROUP_SIZE: COLUMN, REDUCED_VECTORS: VECTORS },
    product: { WORKGROUP_SIZE: PRODUCT, ROWS },
    reduce: { WORKGROUP_SIZE: REDUCE, VECTORS, ROWS },
  };
}

/** On a software adapter. */
export const SOFTWARE_COLUMN = overridesOf(SOFTWARE);

/** The tensors of one decomposition, by the names that the kernels bind. */
interface Workspace {
  n: number;
  size: number;
  /** Columns of `reflectors`: `size` rounded up to whole blocks of reflectors. */
  stride: number;
  status: GpuTensor;
  matrix: GpuTensor;
  reflectors: GpuTensor;
  panel: GpuTensor;
  x: GpuTensor;
  vectors: GpuTensor;
  column_parts: GpuTensor;
  row_parts: GpuTensor;
  product: GpuTensor;
  tridiagonal: GpuTensor;
  gram: GpuTensor;
}

type Allocate = (shape: Shape, type: 'f32' | 'u32', name: string) => GpuTensor;

/**
 * @param args `covariance` (n, n); only its upper triangle is read, and it is left as it was.
 * @throws `kernel_shape`, `non_finite_activations` for NaN or infinity in the upper triangle, `not_converged`,
 * `cancelled`, and what the device throws. Nothing stays allocated then.
 */
export async function tridiagonalEigh(context: GpuContext, args: EighArgs): Promise<Eigendecomposition> {
  const { n } = checkEigh(args);
  const { covariance, signal } = args;
  const owned: GpuTensor[] = [];
  const allocate: Allocate = (shape, type, name) => {
    const tensor = context.tensor(shape, type, `eigh ${name}`);
    owned.push(tensor);
    return tensor;
  };
  try {
    const workspace = allocateWorkspace(n, context.isFallbackAdapter ? SOFTWARE.ROWS : HARDWARE.ROWS, allocate);
    jacobiScanKernel(context, { covariance, status: workspace.status, n });
    tridiagonalLoadKernel(context, { ...workspace, covariance });
    const largest = await reduce(context, workspace, covariance.label, signal);
    const { diagonal, off, factors } = await readTridiagonal(context, workspace);
    const solved = await inBreaths(divideAndConquer({ diagonal, off }), breather(signal));
    const turned = workspace.matrix; // its work is done
    context.upload(turned, descendingColumns(solved, n, workspace.size));
    await turnBack(context, workspace, factors, allocate, signal);
    const eigenvectors = context.tensor([n, n], 'f32', `eigenvectors of ${covariance.label}`);
    tridiagonalFinishKernel(context, { turned, eigenvectors, n, size: workspace.size });
    const scale = scaleOf(largest);
    return {
      eigenvalues: solved.values.reverse().map((value) => value * scale),
      eigenvectors,
      sweeps: 0,
      solver: TRIDIAGONAL_SOLVER,
    };
  } finally {
    for (const tensor of owned) tensor.dispose();
  }
}

function allocateWorkspace(n: number, rows: number, allocate: Allocate): Workspace {
  const size = Math.ceil(n / PANEL) * PANEL;
  const stride = Math.ceil(size / WIDE) * WIDE;
  return {
    n,
    size,
    stride,
    status: allocate([1], 'u32', 'status'),
    matrix: allocate([size, size], 'f32', 'matrix'),
    reflectors: allocate([size, stride], 'f32', 'reflectors'),
    panel: allocate([size, 2 * PANEL], 'f32', 'panel'),
    x: allocate([size], 'f32', 'x'),
    vectors: allocate([size], 'f32', 'vectors'),
    column_parts: allocate([Math.ceil(size / rows), columnPartsStride(size)], 'f32', 'column_parts'),
    row_parts: allocate([size / BLOCK, size], 'f32', 'row_parts'),
    product: allocate([productLength(size)], 'f32', 'product'),
    tridiagonal: allocate([3, size], 'f32', 'tridiagonal'),
    gram: allocate([stride, WIDE], 'f32', 'gram'),
  };
}

/**
 * Enqueues `steps` steps, and waits for the device each time that about `BATCH_MS` of them are under way, so that the job
 * can be cancelled. Waiting costs a round trip: a fast device does it twice.
 */
async function inBatches(
  steps: number,
  step: (index: number) => void,
  wait: () => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  let batch = 1;
  for (let done = 0; done < steps; ) {
    throwIfCancelled(signal);
    const started = performance.now();
    const count = Math.min(batch, steps - done);
    for (const last = done + count; done < last; done++) step(done);
    await wait();
    batch = Math.max(1, Math.floor((BATCH_MS * count) / (performance.now() - started)));
  }
  throwIfCancelled(signal);
}

/** To tridiagonal form. Returns the bits of the largest entry. */
async function reduce(context: GpuContext, workspace: Workspace, label: string, signal?: AbortSignal): Promise<number> {
  const { n, status } = workspace;
  let largest = 0;
  await inBatches(
    Math.ceil(n / PANEL),
    (panel) => reducePanel(context, workspace, panel * PANEL),
    async () => {
      [largest] = new Uint32Array(await context.readBytes(status, 4));
      if (!isFinite32(largest)) throw nonFinite(label);
    },
    signal,
  );
  return largest;
}

function reducePanel(context: GpuContext, workspace: Workspace, first: number): void {
  const { n, size, panel, matrix } = workspace;
  const overrides = context.isFallbackAdapter ? SOFTWARE_COLUMN : overridesOf(HARDWARE);
  const updateColumn = (column: number, done: number) =>
    tridiagonalColumnKernel(context, { ...workspace, column, done }, overrides.column);
  const end = Math.min(first + PANEL, n);
  for (let column = first; column < end; column++) {
    const args = { ...workspace, column, done: column - first };
    updateColumn(column, column - first);
    if (column + 1 === n) return;
    tridiagonalProductKernel(context, args, overrides.product);
    tridiagonalReduceKernel(context, args, overrides.reduce);
  }
  if (end === n) return;
  updateColumn(end, PANEL);
  tridiagonal_update(context, {
    left_matrix: panel,
    right_matrix: panel,
    target_matrix: matrix,
    size,
    first_row: end,
    first_column: end,
    is_upper: 1,
    k_count: 2 * PANEL,
    left_stride: 2 * PANEL,
    left_column: 0,
    right_stride: 2 * PANEL,
    right_shift: PANEL,
  });
}

interface ReadBack {
  diagonal: Float64Array;
  off: Float64Array;
  /** Sᵀ (128, 128) of each block of reflectors, or undefined where all of its reflectors are the identity. */
  factors: (Float32Array | undefined)[];
}

async function readTridiagonal(context: GpuContext, workspace: Workspace): Promise<ReadBack> {
  const { n, size, stride, reflectors, tridiagonal, gram } = workspace;
  for (let first = 0; first < stride; first += WIDE) {
    tridiagonal_project(context, {
      source: reflectors,
      reflectors,
      output: gram,
      m: WIDE,
      n: WIDE,
      rows: size,
      first,
      source_stride: stride,
      source_column: first,
      reflector_stride: stride,
      reflector_column: first,
      output_row: first,
    });
  }
  const grams = new Float32Array(await context.readBytes(gram, 4 * stride * WIDE));
  const lines = new Float32Array(await context.readBytes(tridiagonal, 4 * 3 * size));
  const off = Float64Array.from(lines.subarray(size, size + n));
  off[n - 1] = 0;
  const tau = new Float64Array(stride);
  tau.set(lines.subarray(2 * size, 2 * size + n - 1));
  const factors = Array.from({ length: stride / WIDE }, (_, block) => {
    const first = block * WIDE;
    return factorOf(grams.subarray(first * WIDE, (first + WIDE) * WIDE), tau.subarray(first, first + WIDE));
  });
  return { diagonal: Float64Array.from(lines.subarray(0, n)), off, factors };
}

/**
 * Sᵀ of H₁·H₂ ··· H₁₂₈ = I − V·S·Vᵀ: S is upper triangular, and a reflector more adds the column (−τ·S·Vᵀv, τ).
 * @param gram (128, 128) VᵀV.
 */
function factorOf(gram: Float32Array, tau: Float64Array): Float32Array | undefined {
  if (tau.every((value) => value === 0)) return undefined;
  const transposed = new Float64Array(WIDE * WIDE);
  for (let column = 0; column < WIDE; column++) {
    transposed[column * WIDE + column] = tau[column];
    for (let row = 0; row < column; row++) {
      let sum = 0;
      for (let k = row; k < column; k++) sum += transposed[k * WIDE + row] * gram[k * WIDE + column];
      transposed[column * WIDE + row] = -tau[column] * sum;
    }
  }
  return Float32Array.from(transposed);
}

/** Columns in the order of descending values, padded by zeros to (size, size), as bytes of f32. */
function descendingColumns({ vectors }: TridiagonalEigen, n: number, size: number): Uint8Array {
  const columns = new Float32Array(size * size);
  for (let row = 0; row < n; row++) {
    for (let j = 0; j < n; j++) columns[row * size + j] = vectors[(n - 1 - j) * n + row];
  }
  return new Uint8Array(columns.buffer);
}

/** Z ← H·Z in place of the matrix, from the last block of reflectors to the first. */
async function turnBack(
  context: GpuContext,
  { size, stride, matrix, reflectors, status }: Workspace,
  factors: ReadBack['factors'],
  allocate: Allocate,
  signal?: AbortSignal,
): Promise<void> {
  const projected = allocate([size, WIDE], 'f32', 'projected');
  const turned = allocate([size, WIDE], 'f32', 'turned');
  const turnBlock = (index: number) => {
    const block = factors.length - 1 - index;
    const values = factors[block];
    if (!values) return;
    const first = block * WIDE;
    const factor = allocate([WIDE, WIDE], 'f32', 'factor');
    context.upload(factor, new Uint8Array(values.buffer));
    tridiagonal_project(context, {
      source: matrix,
      reflectors,
      output: projected,
      m: size,
      n: WIDE,
      rows: size,
      first,
      source_stride: size,
      source_column: 0,
      reflector_stride: stride,
      reflector_column: first,
      output_row: 0,
    });
    matmul(context, { a: projected, b: factor, output: turned });
    tridiagonal_update(context, {
      left_matrix: reflectors,
      right_matrix: turned,
      target_matrix: matrix,
      size,
      first_row: first,
      first_column: 0,
      is_upper: 0,
      k_count: WIDE,
      left_stride: stride,
      left_column: first,
      right_stride: WIDE,
      right_shift: 0,
    });
  };
  const wait = async () => void (await context.readBytes(status, 4));
  await inBatches(factors.length, turnBlock, wait, signal);
}
