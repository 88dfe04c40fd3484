/**
 * @file Gram matrices Σ xᵀx of streamed activations, with more digits than f32 has: chunks are summed in pairs on the
 * device, and the host gets the sum in f64. Where one direction is much larger than all others, even the products of one
 * chunk lose the digits of the others; then the states are summed without it, and it is put back in f64.
 */
import type { Backend, Tensor } from '../backend/backend.ts';
import { asFloat64 } from '../backend/linalg/certificate.ts';
import { type Dominant, mirrorUpper } from '../backend/linalg/dominant.ts';
import { addProduct, transposed, view } from '../backend/linalg/gemm.ts';
import type { Arena } from '../runtime/arena.ts';

/** Whether a covariance is summed and decomposed in f32: the CPU backends do both in f64. */
export function solvesInSingle({ info }: Backend): boolean {
  return info.kind === 'webgpu';
}

export interface GramSum {
  /** (n, n) symmetric. */
  H: Float64Array;
  /** (n): diagonal of the part whose products were rounded on the device. */
  rounded: Float64Array;
  /** What H lies in, to be freed with it. */
  held?: Tensor;
}

export class Gram {
  private readonly covariance: Tensor;
  private readonly low?: Tensor;

  constructor(
    private readonly arena: Arena,
    readonly size: number,
  ) {
    this.covariance = arena.empty([size, size], 'covariance');
    if (solvesInSingle(arena.backend)) this.low = arena.empty([size, size], 'covariance (low part)');
  }

  /** @param states (rows, n); left as they are. */
  add(states: Tensor): void {
    const { covariance, low } = this;
    this.arena.backend.covariance({ hidden_states: states, covariance, low });
  }

  /**
   * The sum; frees the device's part.
   * @param canHold Whether the caller frees `held`: then a host's sum need not be copied.
   */
  async take(canHold = false): Promise<GramSum> {
    const { arena, covariance, low, size } = this;
    const { addProduct: multiply, lend } = arena.backend;
    const lent = canHold ? lend?.(covariance) : undefined;
    if (lent instanceof Float64Array) {
      mirrorUpper(lent, size, multiply);
      return { H: lent, rounded: diagonalOf(lent, size), held: covariance };
    }
    // A copy already.
    const sum = asFloat64(await arena.backend.read(covariance));
    arena.free(covariance);
    if (low) {
      const rest = await arena.backend.read(low);
      arena.free(low);
      for (let i = 0; i < sum.length; i++) sum[i] += rest[i];
    }
    mirrorUpper(sum, size);
    return { H: sum, rounded: diagonalOf(sum, size) };
  }
}

/** (n) of (n, n). */
export function diagonalOf(matrix: Float64Array, n: number): Float64Array {
  const diagonal = new Float64Array(n);
  for (let i = 0; i < n; i++) diagonal[i] = matrix[i * n + i];
  return diagonal;
}

/**
 * The same sum by parts: x = x' + y·Uᵀ with y = x·U, so that XᵀX = X'ᵀX' + CUᵀ + UCᵀ + U(YᵀY)Uᵀ with C = X'ᵀY. Each part has
 * its own digits, and in f64 none is lost when they are put together. Any U will do; the better it holds the large
 * directions, the more digits the rest keeps.
 */
export class DeflatedGram {
  private readonly rest: Gram;
  private readonly head: Gram;
  private readonly cross: Tensor;
  private readonly directions: Tensor;
  private readonly negated: Tensor;
  private readonly width: number;

  constructor(
    private readonly arena: Arena,
    readonly size: number,
    dominant: Dominant,
  ) {
    // Zero columns up to a multiple of 4, which the fast kernels want.
    this.width = Math.ceil(dominant.count / 4) * 4;
    const U = padded(dominant, size, this.width);
    const upload = (values: Float64Array, label: string) =>
      arena.own(arena.backend.fromArray(values, [size, this.width], label));
    this.directions = upload(U, 'dominant_directions');
    this.negated = upload(
      U.map((value) => -value),
      'negated_directions',
    );
    this.rest = new Gram(arena, size);
    this.head = new Gram(arena, this.width);
    this.cross = arena.empty([size, this.width], 'cross_covariance');
  }

  add(states: Tensor): void {
    const { arena, size, width, directions, negated, cross } = this;
    const { backend } = arena;
    const rows = states.shape[0];
    const rest = arena.empty([rows, size], 'deflated_states');
    const back = arena.empty([rows, size], 'dominant_part');
    const y = arena.empty([rows, width], 'dominant_coordinates');
    const again = arena.empty([rows, width], 'dominant_coordinates_left');
    backend.matmul({ a: states, b: directions, output: y });
    backend.matmul_bt({ a: y, b: negated, output: back });
    backend.add({ a: states, b: back, output: rest });
    // Twice is enough (Kahan; Parlett 1998, §6.9): what rounding left of U is now small, and so is its rounding.
    backend.matmul({ a: rest, b: directions, output: again });
    backend.matmul_bt({ a: again, b: negated, output: back });
    backend.add({ a: rest, b: back, output: rest });
    backend.add({ a: y, b: again, output: y });
    this.rest.add(rest);
    this.head.add(y);
    const product = arena.empty([size, width], 'cross_covariance_of_batch');
    backend.matmul_at({ a: rest, b: y, output: product });
    backend.add({ a: cross, b: product, output: cross });
    arena.free(rest, back, y, again, product);
  }

  /** The sum; frees the device's part. */
  async take(): Promise<GramSum> {
    const { arena, size: n, width } = this;
    const { H: sum, rounded } = await this.rest.take();
    const { H: inner } = await this.head.take();
    const U = Float64Array.from(await arena.backend.read(this.directions));
    const C = Float64Array.from(await arena.backend.read(this.cross));
    arena.free(this.directions, this.negated, this.cross);
    // With Z = C + ½·U·(YᵀY): the sum is X'ᵀX' + Z·Uᵀ + U·Zᵀ.
    const halved = inner.map((value) => value / 2);
    addProduct(n, width, width, view(U, width), view(halved, width), view(C, width));
    addProduct(n, n, width, view(C, width), transposed(view(U, width)), view(sum, n), true);
    addProduct(n, n, width, view(U, width), transposed(view(C, width)), view(sum, n), true);
    mirrorUpper(sum, n);
    return { H: sum, rounded };
  }
}

function padded({ vectors, count }: Dominant, n: number, width: number): Float64Array {
  const U = new Float64Array(n * width);
  for (let i = 0; i < n; i++) for (let j = 0; j < count; j++) U[i * width + j] = vectors[i * count + j];
  return U;
}
