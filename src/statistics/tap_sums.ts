/** @file Sums over the inputs of a linear while they stream by, batch by batch: see {@link Statistic}. */
import type { Tensor } from '../backend/backend.ts';
import type { Arena } from '../runtime/arena.ts';
import { Gram } from './gram.ts';
import { ProductSum } from './product_sum.ts';
import type { Statistic, TapStatistics } from './statistics.ts';

export class TapSums {
  private readonly gram?: Gram;
  private readonly cross?: ProductSum;
  private readonly columns?: ColumnSums;
  private tokens = 0;

  /** @param size Inputs of the linears that read this tap. */
  constructor(
    private readonly arena: Arena,
    readonly size: number,
    wanted: ReadonlySet<Statistic>,
  ) {
    if (wanted.has('gram')) this.gram = new Gram(arena, size);
    if (wanted.has('cross')) this.cross = new ProductSum(arena);
    const isRead = wanted.has('means') || wanted.has('range') || (wanted.has('diagonal') && !wanted.has('gram'));
    if (isRead) this.columns = new ColumnSums(size);
  }

  /** @param states (rows, size). @param dense The same inputs in the dense model, for `cross`. Both are left as they are. */
  async add(states: Tensor, dense?: Tensor): Promise<void> {
    this.tokens += states.shape[0];
    this.gram?.add(states);
    if (dense) await this.cross?.add(states, dense);
    this.columns?.add(await this.arena.backend.read(states));
  }

  /** The sums; frees the device's part. */
  async take(): Promise<TapStatistics> {
    const { size, tokens, columns } = this;
    const gram = this.gram && (await this.gram.take()).H;
    const diagonal = gram && Float64Array.from({ length: size }, (_, i) => gram[i * size + i]);
    return {
      size,
      tokens,
      ...columns?.sums,
      ...(gram && { gram, diagonal }),
      ...(this.cross && { cross: this.cross.take() }),
    };
  }
}

/** Sums and extremes of each column, on the host in f64. */
class ColumnSums {
  readonly sums: Required<Pick<TapStatistics, 'diagonal' | 'sums' | 'magnitudes' | 'minimum' | 'maximum' | 'largest'>>;

  constructor(private readonly size: number) {
    const zeros = () => new Float64Array(size);
    this.sums = {
      diagonal: zeros(),
      sums: zeros(),
      magnitudes: zeros(),
      minimum: zeros().fill(Number.POSITIVE_INFINITY),
      maximum: zeros().fill(Number.NEGATIVE_INFINITY),
      largest: zeros(),
    };
  }

  add(states: ArrayLike<number>): void {
    const { size } = this;
    const { diagonal, sums, magnitudes, minimum, maximum, largest } = this.sums;
    for (let row = 0; row < states.length; row += size) {
      for (let i = 0; i < size; i++) {
        const value = states[row + i];
        const magnitude = Math.abs(value);
        diagonal[i] += value * value;
        sums[i] += value;
        magnitudes[i] += magnitude;
        if (value < minimum[i]) minimum[i] = value;
        if (value > maximum[i]) maximum[i] = value;
        if (magnitude > largest[i]) largest[i] = magnitude;
      }
    }
  }
}
