/**
 * @file A linear on fewer inputs: the weights that give the outputs best from what is kept (GRAIL, arXiv 2602.23795), its
 * ridge pulling towards the kept columns as they were, and what the means of the others gave (FLAP, arXiv 2312.11983).
 */
import { choleskySolve, type LinalgOptions } from '../../backend/linalg/cholesky.ts';
import { addProduct, view } from '../../backend/linalg/gemm.ts';
import { takeColumns } from './hessian.ts';

/** Share of the mean diagonal of the kept inputs' Gram. */
export const RIDGE = 0.01;

export interface KeptWeights {
  /** (rows, kept). */
  readonly V: Float64Array;
  /** (rows): to be added to the bias; zero without `means`. */
  readonly bias: Float64Array;
}

/**
 * V = W_K + (W·G_:K − W_K·G_KK)·(G_KK + λI)⁻¹, which is W·G_:K·G_KK⁻¹ where λ is 0.
 * @param kept Columns of W (rows, columns), rising.
 * @param gram (columns, columns); absent: the kept columns stay as they are.
 * @param means Of the inputs: what is fitted are the deviations from them, and the bias takes what they give.
 * @throws `not_converged`, `cancelled`
 */
export async function keptWeights(
  W: Float64Array,
  rows: number,
  columns: number,
  kept: Uint32Array,
  { gram, means, tokens }: { gram?: Float64Array | undefined; means?: Float64Array | undefined; tokens: number },
  options: LinalgOptions = {},
): Promise<KeptWeights> {
  const V = takeColumns(W, rows, columns, kept);
  if (gram) await refit(V, W, rows, columns, kept, { gram, means, tokens }, options);
  const bias = new Float64Array(rows);
  if (!means) return { V, bias };
  const k = kept.length;
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < columns; j++) bias[row] += W[row * columns + j] * means[j];
    for (let j = 0; j < k; j++) bias[row] -= V[row * k + j] * means[kept[j]];
  }
  return { V, bias };
}

async function refit(
  V: Float64Array,
  W: Float64Array,
  rows: number,
  columns: number,
  kept: Uint32Array,
  { gram, means, tokens }: { gram: Float64Array; means?: Float64Array | undefined; tokens: number },
  options: LinalgOptions,
): Promise<void> {
  const { multiply = addProduct } = options;
  const k = kept.length;
  const centred = (i: number, j: number) => gram[i * columns + j] - (means ? tokens * means[i] * means[j] : 0);
  const inner = new Float64Array(k * k);
  let trace = 0;
  for (let i = 0; i < k; i++) {
    for (let j = 0; j < k; j++) inner[i * k + j] = centred(kept[i], kept[j]);
    trace += inner[i * k + i];
  }
  // Inputs that never occur teach nothing.
  if (!(trace > 0)) return;
  // R = (W with its kept columns zero)·G_:K: what the removed inputs gave, as the kept ones see it.
  const isKept = new Uint8Array(columns);
  for (const column of kept) isKept[column] = 1;
  const lost = Uint32Array.from({ length: columns }, (_, i) => i).filter((column) => !isKept[column]);
  const cross = new Float64Array(lost.length * k);
  for (const [i, from] of lost.entries()) for (let j = 0; j < k; j++) cross[i * k + j] = centred(from, kept[j]);
  const R = new Float64Array(rows * k);
  const removed = takeColumns(W, rows, columns, lost);
  multiply(rows, k, lost.length, view(removed, lost.length), view(cross, k), view(R, k));
  for (let i = 0; i < k; i++) inner[i * k + i] += (RIDGE * trace) / k;
  const right = new Float64Array(k * rows);
  for (let row = 0; row < rows; row++) for (let j = 0; j < k; j++) right[j * rows + row] = R[row * k + j];
  const D = await choleskySolve(inner, right, k, rows, options);
  for (let row = 0; row < rows; row++) for (let j = 0; j < k; j++) V[row * k + j] += D[j * rows + row];
}
