/** @file Packed tensors of the CPU backend: their bytes in shared memory, and products with them as tasks. */
import type { MatmulBtArgs, PackedMatrix, Tensor } from '../backend.ts';
import { hostTensor } from '../cpu/tensor.ts';
import { checkMatmulBt } from '../shapes.ts';
import type { Arrays } from './arrays.ts';
import type { Epilogue } from './epilogue.ts';
import { BLOCK, layoutOf, type PackedLayout, QUAD, quantiseRow } from './packed_layout.ts';
import { MOST_DOT_ROWS, type PackedProductTask } from './packed_product.ts';
import { isFinitePacked, writePacked } from './write_packed.ts';

type Keep = (shape: readonly number[], label: string, bytes: number, allocate: () => Uint32Array) => Tensor;

/** Room for quantised inputs. */
interface Inputs {
  readonly words: Uint32Array;
  readonly scales: Float32Array;
  readonly sums: Float32Array;
}

export class PackedTensors {
  private readonly layouts = new WeakMap<Tensor, PackedLayout>();
  private kept?: Inputs;

  constructor(private readonly arrays: Arrays) {}

  pack(matrix: PackedMatrix, label: string, keep: Keep): Tensor | undefined {
    const layout = layoutOf(matrix);
    if (!layout || !isFinitePacked(matrix)) return undefined;
    const words = Math.ceil(layout.bytes / 4);
    const tensor = keep([matrix.rows, matrix.columns], label, 4 * words, () => {
      const kept = this.arrays.words(words);
      const bytes = new Uint8Array(kept.buffer, kept.byteOffset, layout.bytes);
      // The memory comes with what it held; whole blocks and quads leave no gap in it.
      const isWhole = matrix.rows % QUAD === 0 && matrix.columns % BLOCK === 0;
      bytes.fill(0, isWhole ? layout.zeros_at : 0);
      writePacked(matrix, layout, bytes);
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
    const { bits, scale, zero, zeros_at, scales_at, blocks, group, groups } = layout;
    const inputs = m <= MOST_DOT_ROWS ? this.integers(a, m, k, layout) : undefined;
    const task: PackedProductTask = {
      ...{ m, n, k, a, output, ...epilogue },
      ...{ bits, scale, zero, zeros_at, scales_at, blocks, group, groups },
      packed: new Uint8Array(values.buffer, values.byteOffset, layout.bytes),
      ...inputs,
    };
    return { task, sizes: { m, n, k } };
  }

  /** Into arrays that stay: a token is hundreds of small products, and each would ask for three. */
  private integers(a: Float32Array, m: number, k: number, { blocks, bits }: PackedLayout) {
    const { words, scales, sums } = this.scratch(m * blocks);
    const values = new Int16Array(words.buffer, words.byteOffset, m * blocks * BLOCK);
    for (let row = 0; row < m; row++) {
      quantiseRow(a.subarray(row * k, (row + 1) * k), k, bits, {
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
}
