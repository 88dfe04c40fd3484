/**
 * @file The modifier `correct`: before a linear is changed, its weights move (ridge least squares) to what gives the dense
 * model's signal from the inputs that the compressed model really has. For a linear that reads a norm the signal is its own
 * output in the dense model; for one that writes into the residual stream it is the dense stream behind it.
 *
 *     V = W + Rᵀ·(G + λ·diag(G) + 10⁻⁶·mean(diag G)·I)⁻¹ᵀ,   R = Σ xᵀ·(t − x·Wᵀ)
 */
import type { Tensor } from '../../backend/backend.ts';
import { choleskySolve, type LinalgOptions } from '../../backend/linalg/cholesky.ts';
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

  constructor(private readonly arena: Arena) {
    this.sum = new ProductSum(arena);
  }

  /** Adds the batch of a linear that reads a norm; states (rows, in) as the compressed and the dense linear get them. */
  async addInput(x: Tensor, linear: DeviceLinear, xDense: Tensor, dense: DeviceLinear): Promise<void> {
    const { arena } = this;
    const missing = product(arena, xDense, dense.weight);
    subtractProduct(arena, missing, x, linear.weight);
    await this.add(x, missing);
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
  ): Promise<void> {
    const { arena } = this;
    const name = outputLinear(half.name);
    // Behind a norm the stream's difference is not the linear's to make up for: its own output is the target.
    if (half.normsOutput) return this.addInput(z, half.linear(name), zDense, dense.linear(name));
    const reached = half.output(copied(arena, x), z);
    const wanted = dense.output(copied(arena, xDense), zDense);
    arena.backend.scale({ hidden_states: reached, factor: -1 });
    arena.backend.add({ a: wanted, b: reached, output: wanted });
    if (half.multiplier !== 1) arena.backend.scale({ hidden_states: wanted, factor: 1 / half.multiplier });
    arena.free(reached);
    await this.add(z, wanted);
  }

  private async add(x: Tensor, missing: Tensor): Promise<void> {
    await this.sum.add(x, missing);
    this.arena.free(missing);
  }

  /** (in, out). */
  take(): Float64Array {
    return this.sum.take();
  }
}

/** Adds to W (rows, columns) what makes up for R (columns, rows), in place. */
export async function correctWeights(
  W: Float64Array,
  rows: number,
  columns: number,
  gram: Float64Array,
  R: Float64Array,
  ridge: number,
  options: LinalgOptions,
): Promise<void> {
  const H = Float64Array.from(gram);
  let mean = 0;
  for (let i = 0; i < columns; i++) mean += H[i * columns + i] / columns;
  // Inputs that are all zero: nothing can be learnt from them.
  if (mean === 0) return;
  for (let i = 0; i < columns; i++) H[i * columns + i] += ridge * gram[i * columns + i] + FLOOR * mean;
  const moved = await choleskySolve(H, R, columns, rows, options);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) W[row * columns + column] += moved[column * rows + row];
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
