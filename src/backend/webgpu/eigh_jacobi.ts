/**
 * @file Symmetric eigendecomposition on the GPU: blocked parallel two-sided Jacobi, whole in compute passes.
 *
 * The matrix is cut into blocks of 16; a sweep is a round-robin tournament in which every two blocks meet once. In a
 * round each meeting diagonalises its 32×32 subproblem in one workgroup, then the rotations are applied to rows and
 * columns. The device itself decides when the sweeps are over, and later dispatches return at once; the host reads back
 * once a batch of sweeps, which is sized by the measured time, so that a slow device can be cancelled between sweeps and
 * a fast one is not held up by read-backs.
 *
 * Golub & Van Loan, Matrix Computations, 4th ed., §8.5 (cyclic and block Jacobi).
 */
import { cancelled, WhittleError } from '../../errors/errors.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { Eigendecomposition, EighArgs } from '../backend.ts';
import { checkEigh } from '../shapes.ts';
import type { GpuTensor } from './buffers.ts';
import type { GpuContext } from './context.ts';
import { isFinite32, nonFinite, scaleOf } from './eigh_scale.ts';
import { add } from './kernels/add.ts';
import { jacobiColumnNormsKernel } from './kernels/jacobi_column_norms.ts';
import { jacobiConvergeKernel } from './kernels/jacobi_converge.ts';
import { jacobiDefectKernel } from './kernels/jacobi_defect.ts';
import { jacobiGatherKernel } from './kernels/jacobi_gather.ts';
import { jacobiLoadKernel } from './kernels/jacobi_load.ts';
import { jacobiRowsKernel } from './kernels/jacobi_rows.ts';
import { jacobiScanKernel } from './kernels/jacobi_scan.ts';
import { jacobiSolveKernel } from './kernels/jacobi_solve.ts';
import { jacobiSummaryKernel } from './kernels/jacobi_summary.ts';
import { matmul } from './kernels/matmul.ts';
import { matmul_bt } from './kernels/matmul_bt.ts';

export const JACOBI_SOLVER = 'block-jacobi-f32';

/** Rows of a block; a subproblem joins two. Fixed in the shaders: 32×32 matrices and rotations fill half of 16 KiB. */
const BLOCK = 16;
const PAIR = 2 * BLOCK;
const STATUS_WORDS = 8;
/** Unit round-off of f32. */
const U = 2 ** -24;
/** Sweeps are queued ahead up to this much measured time. */
const BATCH_MS = 250;

/**
 * Workgroup shapes for a software adapter, measured on SwiftShader: there a barrier costs as much as the arithmetic of
 * many invocations, and loads cost more than registers. Hardware takes the kernels' defaults.
 */
const SOFTWARE_SOLVE = { WORKGROUP_SIZE: 8 };
const SOFTWARE_ROWS = { VECTORS: 2, WORKGROUP_SIZE: 16 };

/** Settings of the iteration, for tests and measurements; the defaults are what the backend uses. */
export interface JacobiOptions {
  /** Sweeps before `not_converged`. Matrices of full rank take 3 to 10, of low rank up to 15. */
  maxSweeps: number;
  /** Cyclic sweeps within a subproblem. */
  innerSweeps: number;
  /** Over when ‖off(A)‖_F is at most this share of ‖A‖_F … */
  tolerance: number;
  /** … and the root of Σ a_ij²/|a_ii·a_jj| is at most this, if two more sweeps can bring it there. */
  scaled_tolerance: number;
  /** An entry below this share of ‖A‖_F is not rotated away … */
  threshold: number;
  /** … nor one below this share of √|a_ii·a_jj|. */
  scaled_threshold: number;
}

/**
 * Beside LAPACK's measure, relative to ‖A‖, the iteration converges relative to the eigenvalues themselves where the matrix
 * allows it. That is Jacobi's strength (Demmel & Veselić, 1992), and what PCA of activations needs: with one channel ×1000
 * the discarded energy is then right to 1e-6 instead of 2e-2 (measured, n = 256).
 */
function defaultOptions(n: number): JacobiOptions {
  return {
    maxSweeps: 30,
    innerSweeps: 2,
    tolerance: 4 * U,
    scaled_tolerance: 16 * n * U,
    threshold: 1e-13,
    scaled_threshold: 0.25 * U,
  };
}

/** The tensors of one decomposition, by the names that the kernels bind. */
interface Workspace {
  n: number;
  size: number;
  status: GpuTensor;
  matrix: GpuTensor;
  /** Vᵀ: all updates turn rows. */
  vectors: GpuTensor;
  rotations: GpuTensor;
  is_active: GpuTensor;
  norms: GpuTensor;
  summary: GpuTensor;
  order: GpuTensor;
}

type Allocate = (shape: Shape, type: 'f32' | 'u32', name: string) => GpuTensor;

interface Progress {
  largestBits: number;
  isOver: boolean;
  sweeps: number;
  /** ‖off(A)‖_F / ‖A‖_F. */
  relativeOff: number;
  /** (size): scaled eigenvalues once over; padding is lower than all of them. */
  diagonal: Float32Array;
}

/**
 * @param args `covariance` (n, n); only its upper triangle is read, and it is left as it was.
 * @throws `kernel_shape`, `non_finite_activations` for NaN or infinity in the upper triangle, `not_converged`,
 * `cancelled`, and what the device throws. Nothing stays allocated then.
 */
export async function jacobiEigh(
  context: GpuContext,
  args: EighArgs,
  given: Partial<JacobiOptions> = {},
): Promise<Eigendecomposition> {
  const { n } = checkEigh(args);
  const { covariance, signal } = args;
  const options: JacobiOptions = { ...defaultOptions(n), ...given };
  const owned: GpuTensor[] = [];
  const allocate: Allocate = (shape, type, name) => {
    const tensor = context.tensor(shape, type, `eigh ${name}`);
    owned.push(tensor);
    return tensor;
  };
  try {
    const workspace = allocateWorkspace(n, allocate);
    jacobiScanKernel(context, { covariance, status: workspace.status, n });
    jacobiLoadKernel(context, { ...workspace, covariance });
    check(context, workspace, 0, options);
    const progress = await iterate(context, workspace, options, covariance.label, signal);
    polish(context, workspace, allocate([workspace.size, workspace.size], 'f32', 'correction'));
    const order = descending(progress.diagonal, n);
    context.upload(workspace.order, new Uint8Array(order.buffer));
    const eigenvectors = context.tensor([n, n], 'f32', `eigenvectors of ${covariance.label}`);
    jacobiGatherKernel(context, { ...workspace, eigenvectors });
    const scale = scaleOf(progress.largestBits);
    return {
      eigenvalues: Float64Array.from(order, (i) => progress.diagonal[i] * scale),
      eigenvectors,
      sweeps: progress.sweeps,
      solver: JACOBI_SOLVER,
    };
  } finally {
    for (const tensor of owned) tensor.dispose();
  }
}

function allocateWorkspace(n: number, allocate: Allocate): Workspace {
  const size = Math.ceil(n / PAIR) * PAIR;
  const pairs = size / PAIR;
  return {
    n,
    size,
    status: allocate([STATUS_WORDS], 'u32', 'status'),
    matrix: allocate([size, size], 'f32', 'matrix'),
    vectors: allocate([size, size], 'f32', 'vectors'),
    rotations: allocate([pairs, PAIR, PAIR], 'f32', 'rotations'),
    is_active: allocate([pairs], 'u32', 'is_active'),
    norms: allocate([n, 4], 'f32', 'norms'),
    summary: allocate([STATUS_WORDS + size], 'u32', 'summary'),
    order: allocate([n], 'u32', 'order'),
  };
}

/** Sweeps in batches until the device says that it is over. One submit a sweep: the watchdog of a GPU is short. */
async function iterate(
  context: GpuContext,
  workspace: Workspace,
  options: JacobiOptions,
  label: string,
  signal?: AbortSignal,
): Promise<Progress> {
  let batch = 1;
  for (let done = 0; ; ) {
    if (signal?.aborted) throw cancelled();
    const started = performance.now();
    const last = Math.min(options.maxSweeps, done + batch);
    const count = last - done;
    while (done < last) {
      sweep(context, workspace, options);
      check(context, workspace, ++done, options);
      context.flush();
    }
    const progress = await readProgress(context, workspace);
    if (!isFinite32(progress.largestBits)) throw nonFinite(label);
    if (progress.isOver) return progress;
    if (done >= options.maxSweeps && progress.relativeOff <= options.tolerance) return progress;
    if (done >= options.maxSweeps) throw notConverged(label, workspace.n, progress, options);
    batch = Math.max(1, Math.floor((BATCH_MS * count) / (performance.now() - started)));
  }
}

function sweep(context: GpuContext, workspace: Workspace, options: JacobiOptions): void {
  const { size, vectors } = workspace;
  const blocks = size / BLOCK;
  const solveShape = context.isFallbackAdapter ? SOFTWARE_SOLVE : undefined;
  const rowsShape = context.isFallbackAdapter ? SOFTWARE_ROWS : undefined;
  for (let round = 0; round < blocks - 1; round++) {
    jacobiSolveKernel(context, { ...workspace, ...options, round, inner_sweeps: options.innerSweeps }, solveShape);
    if (blocks > 2) {
      jacobiRowsKernel(context, { ...workspace, round, turn_pass: 1 }, rowsShape);
      jacobiRowsKernel(context, { ...workspace, round, turn_pass: 2 }, rowsShape);
    }
    jacobiRowsKernel(context, { ...workspace, matrix: vectors, round, turn_pass: 0 }, rowsShape);
  }
}

function check(context: GpuContext, workspace: Workspace, sweeps: number, options: JacobiOptions): void {
  jacobiColumnNormsKernel(context, workspace);
  jacobiConvergeKernel(context, { ...workspace, ...options, sweeps });
}

async function readProgress(context: GpuContext, workspace: Workspace): Promise<Progress> {
  jacobiSummaryKernel(context, workspace);
  const bytes = await context.readBytes(workspace.summary, 4 * (STATUS_WORDS + workspace.size));
  const words = new Uint32Array(bytes, 0, STATUS_WORDS);
  const floats = new Float32Array(bytes);
  return {
    largestBits: words[0],
    isOver: words[1] !== 0,
    sweeps: words[2],
    relativeOff: floats[4] > 0 ? floats[3] / floats[4] : 0,
    diagonal: floats.slice(STATUS_WORDS),
  };
}

/**
 * One Newton–Schulz step on the accumulated rotations, because their rounding errors add up over the sweeps. Measured at
 * n = 256: departure from orthogonality 1.2 → 0.05 n·ulp, discarded energy in excess of f64's 3e-6 → 2e-8. Uses `matrix`,
 * whose eigenvalues have been read.
 */
function polish(context: GpuContext, { matrix, vectors, size }: Workspace, correction: GpuTensor): void {
  matmul_bt(context, { a: vectors, b: vectors, output: matrix });
  jacobiDefectKernel(context, { gram: matrix, size });
  matmul(context, { a: matrix, b: vectors, output: correction });
  add(context, { a: vectors, b: correction, output: vectors });
}

/** Indices of the n largest values, descending; equal ones in their order. */
function descending(values: Float32Array, n: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(values.keys())
    .sort((a, b) => values[b] - values[a] || a - b)
    .slice(0, n);
}

function notConverged(label: string, n: number, { relativeOff }: Progress, options: JacobiOptions): WhittleError {
  return new WhittleError({
    code: 'not_converged',
    message: `The eigendecomposition of a ${n}×${n} matrix did not converge in ${options.maxSweeps} sweeps: ‖off(A)‖ is ${relativeOff.toExponential(1)} of ‖A‖.`,
    place: { tensor: label },
    allowed: `at most ${options.tolerance.toExponential(1)}`,
    action: 'Use the CPU backend (backend "cpu"), or calibrate with more or other text.',
  });
}
