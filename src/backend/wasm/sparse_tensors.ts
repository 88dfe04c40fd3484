/** @file Tensors of the CPU backend with two of every four inputs stored: their bytes in shared memory, and products as tasks. */
import type { MatmulBtArgs, SparseMatrix, Tensor } from '../backend.ts';
import { hostTensor } from '../cpu/tensor.ts';
import { checkMatmulBt } from '../shapes.ts';
import type { Arrays } from './arrays.ts';
import type { Epilogue } from './epilogue.ts';
import type { Keep } from './packed_tensors.ts';
import { type SparseLayout, SWIZZLE_WORDS, sparseLayoutOf, swizzleTable, writeSparse } from './sparse_layout.ts';
import type { SparseProductTask } from './sparse_product.ts';

export class SparseTensors {
  private readonly held = new WeakMap<Tensor, { layout: SparseLayout; packed: Uint8Array }>();
  private table?: Uint32Array;

  constructor(private readonly arrays: Arrays) {}

  has(tensor: Tensor): boolean {
    return this.held.has(tensor);
  }

  pack(matrix: SparseMatrix, label: string, keep: Keep): Tensor | undefined {
    const layout = sparseLayoutOf(matrix);
    if (!layout) return undefined;
    const words = Math.ceil(layout.bytes / 4);
    const tensor = keep([matrix.rows, matrix.columns], label, 4 * words, () => {
      const kept = this.arrays.words(words).fill(0);
      writeSparse(matrix, layout, new Uint8Array(kept.buffer, kept.byteOffset, layout.bytes));
      return kept;
    });
    const { buffer, byteOffset } = hostTensor(tensor).values;
    this.held.set(tensor, { layout, packed: new Uint8Array(buffer, byteOffset, layout.bytes) });
    return tensor;
  }

  /** A product's task and its sizes. */
  task(args: MatmulBtArgs, a: Float32Array, output: Float32Array, epilogue: Epilogue) {
    const { m, n, k } = checkMatmulBt(args);
    const held = this.held.get(args.b);
    // Throws where it was freed.
    if (!held || !hostTensor(args.b).values) throw new RangeError('This tensor is held in another way.');
    const { layout, packed } = held;
    const task: SparseProductTask = {
      m,
      n,
      k,
      a,
      packed,
      places_at: layout.places_at,
      floats: layout.floats,
      table: this.swizzles(),
      output,
      row_scale: epilogue.row_scale,
      gate: epilogue.gate,
      activation: epilogue.activation,
      accumulate: epilogue.accumulate,
    };
    return { task, sizes: { m, n, k } };
  }

  private swizzles(): Uint32Array {
    if (!this.table) {
      this.table = this.arrays.words(SWIZZLE_WORDS);
      swizzleTable(this.table);
    }
    return this.table;
  }
}
