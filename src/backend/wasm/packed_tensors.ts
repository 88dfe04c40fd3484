/** @file Packed tensors of the CPU backend: their bytes in shared memory, and products with them as tasks. */
import { f16ToNumber } from '../../tensor/half.ts';
import type { MatmulBtArgs, PackedMatrix, Tensor } from '../backend.ts';
import { hostTensor } from '../cpu/tensor.ts';
import { checkMatmulBt } from '../shapes.ts';
import type { Arrays } from './arrays.ts';
import type { Epilogue } from './epilogue.ts';
import { BLOCK, layoutOf, type PackedLayout, quantiseRow, writePacked } from './packed_layout.ts';
import { MOST_DOT_ROWS, type PackedProductTask } from './packed_product.ts';

type Keep = (shape: readonly number[], label: string, bytes: number, allocate: () => Uint32Array) => Tensor;

export class PackedTensors {
  private readonly layouts = new WeakMap<Tensor, PackedLayout>();
  private table?: Float32Array;

  constructor(private readonly arrays: Arrays) {}

  pack(matrix: PackedMatrix, label: string, keep: Keep): Tensor | undefined {
    const layout = layoutOf(matrix);
    if (!layout) return undefined;
    const words = Math.ceil(layout.bytes / 4);
    const tensor = keep([matrix.rows, matrix.columns], label, 4 * words, () => {
      const kept = this.arrays.words(words);
      writePacked(matrix, layout, new Uint8Array(kept.buffer, kept.byteOffset, layout.bytes));
      return kept;
    });
    this.layouts.set(tensor, layout);
    return tensor;
  }

  /** A product's task, and what must be given back after it. */
  task(args: MatmulBtArgs, a: Float32Array, output: Float32Array, epilogue: Epilogue) {
    const { m, n, k } = checkMatmulBt(args);
    const layout = this.layouts.get(args.b) as PackedLayout;
    const { values } = hostTensor(args.b);
    const { bits, scale, zero, scales_at, zeros_at, blocks, group, groups } = layout;
    const inputs = m <= MOST_DOT_ROWS ? this.integers(a, m, k, blocks) : undefined;
    const task: PackedProductTask = {
      ...{ m, n, k, a, output, table: this.halves(), ...epilogue },
      ...{ bits, scale, zero, scales_at, zeros_at, blocks, group, groups },
      packed: new Uint8Array(values.buffer, values.byteOffset, layout.bytes),
      ...inputs?.task,
    };
    return { task, sizes: { m, n, k }, done: () => inputs?.done() };
  }

  private integers(a: Float32Array, m: number, k: number, blocks: number) {
    const words = this.arrays.words((m * blocks * BLOCK) / 2);
    const [scales, sums] = [this.arrays.floats(m * blocks), this.arrays.floats(m * blocks)];
    const values = new Int16Array(words.buffer, words.byteOffset, m * blocks * BLOCK);
    for (let row = 0; row < m; row++) {
      quantiseRow(a.subarray(row * k, (row + 1) * k), k, {
        values: values.subarray(row * blocks * BLOCK, (row + 1) * blocks * BLOCK),
        scales: scales.subarray(row * blocks, (row + 1) * blocks),
        sums: sums.subarray(row * blocks, (row + 1) * blocks),
      });
    }
    const inputs = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    return {
      task: { inputs, input_scales: scales, input_sums: sums },
      done: () => {
        for (const array of [words, scales, sums]) this.arrays.recycle(array);
      },
    };
  }

  private halves(): Float32Array {
    if (!this.table) {
      this.table = this.arrays.floats(65536);
      for (let bits = 0; bits < 65536; bits++) this.table[bits] = f16ToNumber(bits);
    }
    return this.table;
  }
}
