/** @file Σ aᵀb over batches of rows: each batch's product on the device, the sum on the host in f64. */
import type { Tensor } from '../backend/backend.ts';
import type { Arena } from '../runtime/arena.ts';

export class ProductSum {
  private sum?: Float64Array;

  constructor(private readonly arena: Arena) {}

  /** @param a (rows, m). @param b (rows, n). Left as they are. */
  async add(a: Tensor, b: Tensor): Promise<void> {
    const { backend } = this.arena;
    const output = this.arena.empty([a.shape[1], b.shape[1]], 'product_of_batch');
    backend.matmul_at({ a, b, output });
    const values = await backend.read(output);
    this.arena.free(output);
    const sum = this.sum ?? new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) sum[i] += values[i];
    this.sum = sum;
  }

  /** (m, n) row-major. */
  take(): Float64Array {
    return this.sum ?? new Float64Array(0);
  }
}
