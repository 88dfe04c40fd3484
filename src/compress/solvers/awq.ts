/**
 * @file AWQ (arXiv 2306.00978): inputs that carry much are scaled up before rounding, so that they lose less; the scale is
 * taken back in what makes the inputs. One scale serves all linears that read the same inputs. Then each group's range may
 * be clipped.
 */
import { breather } from '../../backend/event_loop.ts';
import type { LinalgOptions } from '../../backend/linalg/cholesky.ts';
import { addProduct, view } from '../../backend/linalg/gemm.ts';
import { pulse } from '../../pulse/pulse.ts';
import {
  codeOf,
  decodeGrouped,
  emptyCodes,
  type Grid,
  type GroupedCodes,
  type GroupParams,
  gridParams,
  groupsOf,
  numberOf,
} from './grid.ts';
import { roundToNearest } from './rtn.ts';

/** Exponents 0, 1/20 … 19/20 are tried. */
const RATIOS = 20;
/** Ranges of 1, 0.95 … 0.5 of a group's own are tried. */
const CLIPS = 11;

export interface Matrix {
  /** (rows, columns) row-major. */
  readonly values: Float64Array;
  readonly rows: number;
}

export interface AwqScale {
  /** s = mean|x|^ratio / √(max·min). */
  readonly ratio: number;
  /** (columns): W is rounded as W·diag(s), and inputs are divided by s. */
  readonly scale: Float64Array;
}

/**
 * The scale with the least Σ tr((W − Q)·G·(W − Q)ᵀ) over the matrices.
 * @param meanMagnitude (columns): mean |x| of each input.
 * @param gram (columns, columns): XᵀX.
 * @throws `cancelled`
 */
export async function awqScale(
  matrices: readonly Matrix[],
  columns: number,
  meanMagnitude: ArrayLike<number>,
  gram: Float64Array,
  group: number,
  grid: Grid,
  { multiply = addProduct, signal }: LinalgOptions = {},
): Promise<AwqScale> {
  const breathe = breather(signal);
  let best: (AwqScale & { loss: number }) | undefined;
  for (let step = 0; step < RATIOS; step++) {
    const ratio = step / RATIOS;
    const scale = scaleOf(meanMagnitude, ratio);
    let loss = 0;
    for (const { values, rows } of matrices) {
      await breathe();
      const rounded = decodeGrouped(roundToNearest(scaled(values, scale), rows, columns, group, grid));
      const difference = values.map((value, i) => value - rounded[i] / scale[i % columns]);
      loss += outputError(difference, rows, columns, gram, multiply);
    }
    if (!best || loss < best.loss) best = { ratio, scale, loss };
  }
  return best as AwqScale;
}

function scaleOf(meanMagnitude: ArrayLike<number>, ratio: number): Float64Array {
  const scale = Float64Array.from(meanMagnitude, (value) => Math.max(1e-4, value ** ratio));
  const middle = Math.sqrt(scale.reduce((a, b) => Math.max(a, b)) * scale.reduce((a, b) => Math.min(a, b)));
  return scale.map((value) => value / middle);
}

/** W·diag(s). */
export function scaled(W: Float64Array, scale: Float64Array): Float64Array {
  return W.map((value, i) => value * scale[i % scale.length]);
}

/** tr(Δ·G·Δᵀ). */
export function outputError(
  difference: Float64Array,
  rows: number,
  columns: number,
  gram: Float64Array,
  multiply = addProduct,
): number {
  const product = new Float64Array(rows * columns);
  multiply(rows, columns, columns, view(difference, columns), view(gram, columns), view(product, columns));
  return product.reduce((sum, value, i) => sum + value * difference[i], 0);
}

/**
 * Round to nearest with each group's range shrunk to the share of 1, 0.95 … 0.5 that loses least by the group's own block
 * of the Gram matrix.
 * @param gram (columns, columns) of the inputs that W (rows, columns) reads, after scaling.
 */
export function clippedRounding(
  { values: W, rows }: Matrix,
  columns: number,
  gram: Float64Array,
  group: number,
  grid: Grid,
): GroupedCodes {
  const size = Math.min(group, columns);
  const found = emptyCodes(rows, columns, size, grid);
  const groups = groupsOf(columns, size);
  for (let row = 0; row < rows; row++) {
    pulse();
    for (let index = 0; index < groups; index++) {
      const first = index * size;
      const count = Math.min(size, columns - first);
      const own = W.subarray(row * columns + first, row * columns + first + count);
      const { params, clip } = bestClip(own, grid, gram, columns, first);
      found.scales[row * groups + index] = params.scale;
      found.offsets[row * groups + index] = params.offset;
      // Cut first: beyond the edge the grid may have one code more.
      for (let i = 0; i < count; i++) found.codes[row * columns + first + i] = codeOf(grid, params, clip(own[i]));
    }
  }
  return found;
}

interface Clip {
  readonly params: GroupParams;
  /** Moves what lies outside the range to its edge. */
  readonly clip: (value: number) => number;
}

function bestClip(w: Float64Array, grid: Grid, gram: Float64Array, columns: number, first: number): Clip {
  const high = w.reduce((a, b) => Math.max(a, b));
  const low = w.reduce((a, b) => Math.min(a, b));
  let best: Clip = { params: gridParams(grid, low, high), clip: (value) => value };
  let least = Number.POSITIVE_INFINITY;
  const difference = new Float64Array(w.length);
  for (let step = 0; step < CLIPS; step++) {
    const share = 1 - step / 20;
    const clip = (value: number) => Math.max(Math.min(value, high * share), low * share);
    const params = gridParams(grid, ...rangeOf(w, clip));
    for (let i = 0; i < w.length; i++) difference[i] = w[i] - numberOf(grid, params, codeOf(grid, params, clip(w[i])));
    let error = 0;
    for (let i = 0; i < w.length; i++) {
      let sum = 0;
      for (let j = 0; j < w.length; j++) sum += gram[(first + j) * columns + first + i] * difference[j];
      error += sum * difference[i];
    }
    if (error < least) {
      least = error;
      best = { params, clip };
    }
  }
  return best;
}

function rangeOf(w: Float64Array, clip: (value: number) => number): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of w) {
    low = Math.min(low, clip(value));
    high = Math.max(high, clip(value));
  }
  return [low, high];
}
