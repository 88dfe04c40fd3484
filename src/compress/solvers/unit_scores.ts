/**
 * @file What the units of a linear's inputs are worth: a unit is a group of its columns that are removed together (the heads
 * of a key-value group of o_proj, a channel of down_proj).
 */
import { choleskySolve, type LinalgOptions } from '../../backend/linalg/cholesky.ts';
import { addProduct, transposed, view } from '../../backend/linalg/gemm.ts';
import { inverseFactor } from '../../backend/linalg/inverse_factor.ts';
import { DAMPING } from './hessian.ts';

export type UnitScore = 'wanda' | 'flap' | 'obs';

/** Of what the linear reads, as sums over the tokens. */
export interface InputSums {
  readonly tokens: number;
  /** (columns): Σ x². */
  readonly diagonal: Float64Array;
  /** (columns): Σ x; for `flap`. */
  readonly sums?: Float64Array | undefined;
  /** (columns, columns); for `obs`. */
  readonly gram?: Float64Array | undefined;
}

/** W (rows, columns); `width` consecutive columns are a unit. */
export interface Units {
  readonly W: Float64Array;
  readonly rows: number;
  readonly columns: number;
  readonly width: number;
}

/**
 * Of each column. Wanda-sp: Σ |w|·‖x‖ over the outputs. FLAP (arXiv 2312.11983): the variance of the input times Σ w², for
 * attention squared as in the authors' code.
 */
export function columnScores(
  score: Exclude<UnitScore, 'obs'>,
  { W, rows, columns }: Units,
  { tokens, diagonal, sums }: InputSums,
  squared: boolean,
): Float64Array {
  const scores = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < columns; j++) {
      const w = W[row * columns + j];
      scores[j] += score === 'wanda' ? Math.abs(w) : w * w;
    }
  }
  for (let j = 0; j < columns; j++) {
    if (score === 'wanda') scores[j] *= Math.sqrt(diagonal[j]);
    else scores[j] *= Math.max(0, diagonal[j] - (sums?.[j] ?? 0) ** 2 / tokens) / tokens;
    if (score === 'flap' && squared) scores[j] **= 2;
  }
  return scores;
}

/**
 * What removing each unit alone costs after all other weights have moved to make up for it (optimal brain surgeon):
 * tr(W_S·[(H⁻¹)_SS]⁻¹·W_Sᵀ), H the damped Gram.
 */
export async function obsCosts(units: Units, gram: Float64Array, options: LinalgOptions = {}): Promise<Float64Array> {
  const state = new Removal(units, await dampedInverse(gram, units.columns, options));
  const costs = new Float64Array(units.columns / units.width);
  for (let unit = 0; unit < costs.length; unit++) costs[unit] = await state.cost(unit);
  return costs;
}

/** The lowest `count` of the scores; equal ones by index. */
export function lowestUnits(scores: ArrayLike<number>, count: number): number[] {
  return Array.from(scores, (_, i) => i)
    .sort((a, b) => scores[a] - scores[b] || a - b)
    .slice(0, count);
}

/**
 * Units in the order in which structured OBS removes them (SlimGPT, arXiv 2412.18110): each time the one that costs least,
 * then all weights and H⁻¹ move on.
 * @throws `not_converged`, `cancelled`
 */
export async function obsGone(
  units: Units,
  gram: Float64Array,
  count: number,
  options: LinalgOptions = {},
  breathe: () => Promise<void> = async () => {},
): Promise<number[]> {
  const inverse = await dampedInverse(gram, units.columns, options);
  if (units.width === 1) return channelsGone(units, inverse, count, breathe);
  const state = new Removal({ ...units, W: units.W.slice() }, inverse);
  const alive = Array.from({ length: units.columns / units.width }, (_, unit) => unit);
  const gone: number[] = [];
  while (gone.length < count) {
    let best = { unit: -1, cost: Number.POSITIVE_INFINITY };
    for (const unit of alive) {
      const cost = await state.cost(unit);
      if (cost < best.cost) best = { unit, cost };
    }
    await state.remove(best.unit);
    alive.splice(alive.indexOf(best.unit), 1);
    gone.push(best.unit);
    await breathe();
  }
  return gone;
}

/** H⁻¹ of the damped Gram; inputs that never occur have a diagonal of 1. */
async function dampedInverse(gram: Float64Array, n: number, options: LinalgOptions): Promise<Float64Array> {
  const H = gram.slice();
  let sum = 0;
  for (let i = 0; i < n; i++) {
    if (H[i * n + i] === 0) H[i * n + i] = 1;
    sum += H[i * n + i];
  }
  for (let i = 0; i < n; i++) H[i * n + i] += (DAMPING * sum) / n;
  const { multiply = addProduct } = options;
  const U = await inverseFactor(H, n, options);
  const inverse = new Float64Array(n * n);
  multiply(n, n, n, transposed(view(U, n)), view(U, n), view(inverse, n));
  return inverse;
}

/**
 * Single columns: H⁻¹ stays as it was, and the columns of the current one are made when they are needed, from those that
 * were taken out before. What is removed never comes back, so nothing else of it is wanted but its diagonal.
 */
async function channelsGone(
  { W: given, rows, columns: n }: Units,
  inverse: Float64Array,
  count: number,
  breathe: () => Promise<void>,
): Promise<number[]> {
  const W = given.slice();
  const diagonal = Float64Array.from({ length: n }, (_, i) => inverse[i * n + i]);
  const norms = new Float64Array(n);
  for (let row = 0; row < rows; row++) for (let j = 0; j < n; j++) norms[j] += W[row * n + j] ** 2;
  const isGone = new Uint8Array(n);
  const taken: Float64Array[] = [];
  const gone: number[] = [];
  while (gone.length < count) {
    let best = -1;
    for (let j = 0; j < n; j++) {
      if (!isGone[j] && (best < 0 || norms[j] / diagonal[j] < norms[best] / diagonal[best])) best = j;
    }
    const root = Math.sqrt(diagonal[best]);
    const column = inverse.slice(best * n, (best + 1) * n);
    for (const before of taken) for (let j = 0; j < n; j++) column[j] -= before[j] * before[best];
    for (let j = 0; j < n; j++) column[j] /= root;
    isGone[best] = 1;
    gone.push(best);
    taken.push(column);
    norms.fill(0);
    for (let row = 0; row < rows; row++) {
      const base = row * n;
      const step = W[base + best] / root;
      for (let j = 0; j < n; j++) {
        const moved = W[base + j] - step * column[j];
        W[base + j] = moved;
        norms[j] += moved * moved;
      }
    }
    for (let j = 0; j < n; j++) diagonal[j] -= column[j] ** 2;
    await breathe();
  }
  return gone;
}

/** W and H⁻¹ while units are taken out. */
class Removal {
  constructor(
    private readonly units: Units,
    private readonly inverse: Float64Array,
  ) {}

  async cost(unit: number): Promise<number> {
    const { rows, columns, width: s } = this.units;
    const { W } = this.units;
    const solved = await this.solved(unit, this.columnsOfW(unit));
    let sum = 0;
    for (let i = 0; i < s; i++) {
      for (let row = 0; row < rows; row++) sum += W[row * columns + unit * s + i] * solved[i * rows + row];
    }
    return sum;
  }

  /** W −= W_S·B and H⁻¹ −= (H⁻¹)_:S·B with B = [(H⁻¹)_SS]⁻¹·(H⁻¹)_S:. */
  async remove(unit: number): Promise<void> {
    const { rows, columns: n, width: s, W } = this.units;
    const { inverse } = this;
    const strip = inverse.slice(unit * s * n, (unit + 1) * s * n);
    const B = await this.solved(unit, strip);
    subtract(W, rows, n, (row, i) => W[row * n + unit * s + i], B, s);
    // H⁻¹ is symmetric: its columns S are the rows kept aside.
    subtract(inverse, n, n, (row, i) => strip[i * n + row], B, s);
  }

  /** (s, rows): W_Sᵀ. */
  private columnsOfW(unit: number): Float64Array {
    const { W, rows, columns, width: s } = this.units;
    const out = new Float64Array(s * rows);
    for (let i = 0; i < s; i++) {
      for (let row = 0; row < rows; row++) out[i * rows + row] = W[row * columns + unit * s + i];
    }
    return out;
  }

  /** [(H⁻¹)_SS]⁻¹·right, (s, …). */
  private solved(unit: number, right: Float64Array): Promise<Float64Array> {
    const { columns: n, width: s } = this.units;
    const inner = new Float64Array(s * s);
    for (let i = 0; i < s; i++) {
      for (let j = 0; j < s; j++) inner[i * s + j] = this.inverse[(unit * s + i) * n + unit * s + j];
    }
    return choleskySolve(inner, right, s, right.length / s);
  }
}

/** target (rows, n) −= L·B, L (rows, s) as `left` gives it, B (s, n). A row of L is read before its row changes. */
function subtract(
  target: Float64Array,
  rows: number,
  n: number,
  left: (row: number, i: number) => number,
  B: Float64Array,
  s: number,
): void {
  const factors = new Float64Array(s);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < s; i++) factors[i] = left(row, i);
    for (let i = 0; i < s; i++) {
      const factor = factors[i];
      if (factor === 0) continue;
      for (let j = 0; j < n; j++) target[row * n + j] -= factor * B[i * n + j];
    }
  }
}
