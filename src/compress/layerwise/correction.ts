/**
 * @file The modifier `correct`: before a linear is changed, its weights move (ridge least squares) to what gives the dense
 * model's signal from the inputs that the compressed model really has. For a linear that reads a norm the signal is its own
 * output in the dense model; for one that writes into the residual stream it is the dense stream behind it.
 *
 *     V = W + Rᵀ·(G + λ·diag(G) + 10⁻⁶·mean(diag G)·I)⁻¹ᵀ,   R = Σ xᵀ·(t − x·Wᵀ)
 */
import type { Tensor } from '../../backend/backend.ts';
import { choleskyFactor, choleskySolveFactored, type LinalgOptions } from '../../backend/linalg/cholesky.ts';
import { addProduct, view } from '../../backend/linalg/gemm.ts';
import type { Arena } from '../../runtime/arena.ts';
import type { DeviceLinear } from '../../runtime/weights.ts';
import { ProductSum } from '../../statistics/product_sum.ts';
import type { DeviceHalf } from './half.ts';
import { outputLinear } from './half.ts';

/** Of the mean diagonal: only so that inputs that never occur have an inverse. */
const FLOOR = 1e-6;

/** R of one linear: what is missing of the target, as the inputs see it. */
export class Missing {
  private readonly sum: ProductSum;
  private readonly held: ProductSum;
  private hasHeld = false;

  constructor(private readonly arena: Arena) {
    this.sum = new ProductSum(arena);
    this.held = new ProductSum(arena);
  }

  /** Adds the batch of a linear that reads a norm; states (rows, in) as the compressed and the dense linear get them. */
  async addInput(x: Tensor, linear: DeviceLinear, xDense: Tensor, dense: DeviceLinear, isHeld: boolean): Promise<void> {
    const { arena } = this;
    const missing = product(arena, xDense, dense.weight);
    subtractProduct(arena, missing, x, linear.weight);
    await this.add(x, missing, isHeld);
  }

  /**
   * Adds the batch of a linear that writes into the stream.
   * @param x, xDense The residual streams that the halves get, left as they are. @param z, zDense What the linears read.
   */
  async addOutput(
    half: DeviceHalf,
    x: Tensor,
    z: Tensor,
    dense: DeviceHalf,
    xDense: Tensor,
    zDense: Tensor,
    isHeld: boolean,
  ): Promise<void> {
    const { arena } = this;
    const name = outputLinear(half.name);
    // Behind a norm the stream's difference is not the linear's to make up for: its own output is the target.
    if (half.normsOutput) return this.addInput(z, half.linear(name), zDense, dense.linear(name), isHeld);
    const reached = half.output(copied(arena, x), z);
    const wanted = dense.output(copied(arena, xDense), zDense);
    arena.backend.scale({ hidden_states: reached, factor: -1 });
    arena.backend.add({ a: wanted, b: reached, output: wanted });
    if (half.multiplier !== 1) arena.backend.scale({ hidden_states: wanted, factor: 1 / half.multiplier });
    arena.free(reached);
    await this.add(z, wanted, isHeld);
  }

  private async add(x: Tensor, missing: Tensor, isHeld: boolean): Promise<void> {
    await this.sum.add(x, missing);
    if (isHeld) await this.held.add(x, missing);
    this.hasHeld ||= isHeld;
    this.arena.free(missing);
  }

  take(): MissingSums {
    return { all: this.sum.take(), ...(this.hasHeld && { held: this.held.take() }) };
  }
}

/** What is missing of a linear, (in, out): of all calibration windows, and of those that were held back. */
export interface MissingSums {
  readonly all: Float64Array;
  readonly held?: Float64Array;
}

/**
 * (G + λ·diag(G) + ε)⁻¹·R of each linear that reads an input, (in, out): what is to be added to its weights. One
 * factorisation serves all of them. Undefined where the inputs are all zero: nothing can be learnt from them.
 */
export async function corrections(
  gram: Float64Array,
  n: number,
  missing: readonly Float64Array[],
  ridge: number,
  options: LinalgOptions,
): Promise<Float64Array[] | undefined> {
  const H = Float64Array.from(gram);
  let mean = 0;
  for (let i = 0; i < n; i++) mean += H[i * n + i] / n;
  if (mean === 0) return undefined;
  for (let i = 0; i < n; i++) H[i * n + i] += ridge * gram[i * n + i] + FLOOR * mean;
  const factor = await choleskyFactor(H, n, options);
  const moved: Float64Array[] = [];
  for (const R of missing) moved.push(await choleskySolveFactored(factor, R, R.length / n, options));
  return moved;
}

/** Tried by `ridge=auto`. Smaller ones fit few tokens too well. */
export const RIDGES: readonly number[] = [0.3, 1, 3];

/** What `ridge=auto` takes where no window can be held back. */
export const DEFAULT_RIDGE = 1;

/**
 * The ridge that leaves least on held-back windows, fitted to the others: with D = (G − Gₕ + …)⁻¹(R − Rₕ) the squared error
 * there is, up to a constant, tr(Dᵀ·Gₕ·D) − 2·tr(Dᵀ·Rₕ), summed over the linears.
 */
export async function chooseRidge(
  gram: Float64Array,
  held: Float64Array,
  n: number,
  missing: readonly MissingSums[],
  options: LinalgOptions,
  ridges: readonly number[] = RIDGES,
): Promise<number> {
  const fitted = gram.map((value, i) => value - held[i]);
  const rest = missing.map(({ all, held: own }) => (own ? all.map((value, i) => value - own[i]) : all));
  let best = { ridge: DEFAULT_RIDGE, error: Number.POSITIVE_INFINITY };
  for (const ridge of ridges) {
    const moved = await corrections(fitted, n, rest, ridge, options);
    if (!moved) break;
    let error = 0;
    for (const [i, D] of moved.entries())
      error += heldError(D, held, missing[i].held ?? new Float64Array(D.length), n, options);
    if (error < best.error) best = { ridge, error };
  }
  return best.ridge;
}

function heldError(
  D: Float64Array,
  held: Float64Array,
  R: Float64Array,
  n: number,
  { multiply = addProduct }: LinalgOptions,
): number {
  const out = D.length / n;
  const GD = new Float64Array(D.length);
  multiply(n, out, n, view(held, n), view(D, out), view(GD, out));
  let sum = 0;
  for (let i = 0; i < D.length; i++) sum += D[i] * (GD[i] - 2 * R[i]);
  return sum;
}

/** W (rows, columns) += Dᵀ, in place. */
export function addCorrection(W: Float64Array, rows: number, columns: number, D: Float64Array): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) W[row * columns + column] += D[column * rows + row];
  }
}

function product(arena: Arena, a: Tensor, b: Tensor): Tensor {
  const output = arena.empty([a.shape[0], b.shape[0]], 'linear_output');
  arena.backend.matmul_bt({ a, b, output });
  return output;
}

/** output −= a·bᵀ. */
function subtractProduct(arena: Arena, output: Tensor, a: Tensor, b: Tensor): void {
  const own = product(arena, a, b);
  arena.backend.scale({ hidden_states: own, factor: -1 });
  arena.backend.add({ a: output, b: own, output });
  arena.free(own);
}

function copied(arena: Arena, states: Tensor): Tensor {
  const copy = arena.empty(states.shape, 'hidden_states');
  arena.backend.copy(states, copy);
  return copy;
}
