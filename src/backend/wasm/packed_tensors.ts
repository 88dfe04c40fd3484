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

/** Room for quantised inputs. */
interface Inputs {
  readonly words: Uint32Array;
  readonly scales: Float32Array;
  readonly sums: Float32Array;
}

export class PackedTensors {
  private readonly layouts = new WeakMap<Tensor, PackedLayout>();
  private table?: Float32Array;
  private kept?: Inputs;

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

  /** A product's task and its sizes. */
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
      ...inputs,
    };
    return { task, sizes: { m, n, k } };
  }

  /** Into arrays that stay: a token is hundreds of small products, and each would ask for three. */
  private integers(a: Float32Array, m: number, k: number, blocks: number) {
    const { words, scales, sums } = this.scratch(m * blocks);
    const values = new Int16Array(words.buffer, words.byteOffset, m * blocks * BLOCK);
    for (let row = 0; row < m; row++) {
      quantiseRow(a.subarray(row * k, (row + 1) * k), k, {
        values: values.subarray(row * blocks * BLOCK, (row + 1) * blocks * BLOCK),
        scales: scales.subarray(row * blocks, (row + 1) * blocks),
        sums: sums.subarray(row * blocks, (row + 1) * blocks),
      });
    }
    const inputs = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    return { inputs, input_scales: scales, input_sums: sums };
  }

  private scratch(blocks: number): Inputs {
    if (this.kept && this.kept.scales.length >= blocks) return this.kept;
    if (this.kept) for (const array of Object.values(this.kept)) this.arrays.recycle(array);
    const words = this.arrays.words((blocks * BLOCK) / 2);
    this.kept = { words, scales: this.arrays.floats(blocks), sums: this.arrays.floats(blocks) };
    return this.kept;
  }

  private halves(): Float32Array {
    if (!this.table) {
      this.table = this.arrays.floats(65536);
      for (let bits = 0; bits < 65536; bits++) this.table[bits] = f16ToNumber(bits);
    }
    return this.table;
  }
}
