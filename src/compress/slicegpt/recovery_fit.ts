/**
 * @file The least squares of `recover`: B = argmin Σ w²·|y − f·B|² + λ·|diag(G)^½·(B − B₀)|², with tokens t in rows,
 * G = Σ w²·fᵀf and w² = 1/mean(y²), so that every token counts by how large its error is beside its own stream. Features f
 * are the sliced stream and what the output linears read; they are summed block by block.
 */
import type { Tensor } from '../../backend/backend.ts';
import type { LinalgOptions } from '../../backend/linalg/cholesky.ts';
import type { Arena } from '../../runtime/arena.ts';
import { Gram } from '../../statistics/gram.ts';
import { ProductSum } from '../../statistics/product_sum.ts';
import { chooseRidge, corrections, DEFAULT_RIDGE } from '../layerwise/correction.ts';

/** Tried by `ridge=auto`, by what is left on held-back windows: the fewer the tokens, the larger the one that wins. */
export const RECOVERY_RIDGES: readonly number[] = [0.03, 0.3, 1, 3];

/** Of the squared stream, so that a token of zeros has a weight. */
const EPS = 1e-8;

/** w of each token, (rows, 1). @param target (rows, D). */
export function tokenWeights(arena: Arena, target: Tensor): Tensor {
  const output = arena.empty([target.shape[0], 1], 'token_weights');
  arena.backend.rms_scale({ hidden_states: target, eps: EPS, normalized_size: target.shape[1], output });
  return output;
}

/** states · w, row by row, in a new tensor. */
export function weighted(arena: Arena, states: Tensor, weights: Tensor): Tensor {
  const { backend } = arena;
  const [rows, columns] = states.shape;
  const ones = arena.own(backend.fromArray(new Float32Array(columns).fill(1), [columns, 1], 'ones'));
  const spread = arena.empty([rows, columns], 'token_weights_spread');
  backend.matmul_bt({ a: weights, b: ones, output: spread });
  const output = arena.empty([rows, columns], 'weighted_states');
  // Weights are positive: relu lets them through.
  backend.glu({ activation: 'relu', gate: spread, up: states, output });
  arena.free(ones, spread);
  return output;
}

/** Σ fᵀf and Σ fᵀr of features that come in blocks of columns; targets may be several. */
export class FitSums {
  private readonly grams: readonly Gram[];
  private readonly between: readonly (readonly ProductSum[])[];
  private readonly missing: readonly (readonly ProductSum[])[];

  /** @param widths Columns of each block of features. @param targets Number of residuals. */
  constructor(
    arena: Arena,
    private readonly widths: readonly number[],
    targets: number,
  ) {
    const sums = (count: number) => Array.from({ length: count }, () => new ProductSum(arena));
    this.grams = widths.map((width) => new Gram(arena, width));
    this.between = widths.map((_, i) => sums(i));
    this.missing = Array.from({ length: targets }, () => sums(widths.length));
  }

  get size(): number {
    return this.widths.reduce((sum, width) => sum + width, 0);
  }

  /** @param features (rows, width) each. @param residuals (rows, outputs) each: what is missing of the targets. */
  async add(features: readonly Tensor[], residuals: readonly Tensor[]): Promise<void> {
    for (const [i, block] of features.entries()) {
      this.grams[i].add(block);
      for (let j = 0; j < i; j++) await this.between[i][j].add(block, features[j]);
      for (const [k, residual] of residuals.entries()) await this.missing[k][i].add(block, residual);
    }
  }

  /** gram (n, n), both triangles; missing (n, outputs) each. Frees the device's part. */
  async take(): Promise<{ gram: Float64Array; missing: Float64Array[] }> {
    const n = this.size;
    const gram = new Float64Array(n * n);
    let row = 0;
    for (const [i, width] of this.widths.entries()) {
      const { H } = await this.grams[i].take();
      put(gram, n, H, width, row, row);
      let column = 0;
      for (let j = 0; j < i; j++) {
        const block = this.between[i][j].take();
        put(gram, n, block, this.widths[j], row, column);
        putTransposed(gram, n, block, this.widths[j], row, column);
        column += this.widths[j];
      }
      row += width;
    }
    const missing = this.missing.map((blocks) => joined(blocks.map((block) => block.take())));
    return { gram, missing };
  }
}

/** Of all windows, and of those that were held back to choose the ridge by. */
export interface FitPair {
  readonly all: FitSums;
  readonly held?: FitSums;
}

/** B − B₀ of each target, (n, outputs); undefined where the features are all zero. */
export async function fitted(
  { all, held }: FitPair,
  ridge: number | 'auto',
  options: LinalgOptions,
): Promise<Float64Array[] | undefined> {
  const { size } = all;
  const { gram, missing } = await all.take();
  const back = await held?.take();
  const chosen = async () => {
    if (!back) return DEFAULT_RIDGE;
    const pairs = missing.map((sum, k) => ({ all: sum, held: back.missing[k] }));
    return chooseRidge(gram, back.gram, size, pairs, options, RECOVERY_RIDGES);
  };
  return corrections(gram, size, missing, ridge === 'auto' ? await chosen() : ridge, options);
}

function put(gram: Float64Array, n: number, block: Float64Array, width: number, row: number, column: number): void {
  for (let at = 0, i = row; at < block.length; at += width, i++)
    gram.set(block.subarray(at, at + width), i * n + column);
}

function putTransposed(
  gram: Float64Array,
  n: number,
  block: Float64Array,
  width: number,
  row: number,
  column: number,
): void {
  for (let at = 0; at < block.length; at++) {
    gram[(column + (at % width)) * n + row + Math.floor(at / width)] = block[at];
  }
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
