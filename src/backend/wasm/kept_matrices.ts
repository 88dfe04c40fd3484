/** @file Matrices that stay as they are packed, on all threads: taken up, and multiplied. */
import type { DType } from '../../tensor/dtype.ts';
import { elementCount, type Shape } from '../../tensor/shape.ts';
import type { MatmulBtArgs, PackedMatrix, SparseMatrix, Tensor } from '../backend.ts';
import { tileColumns } from '../linalg/tile_kernel.ts';
import type { Arrays } from './arrays.ts';
import { BYTE_ROWS } from './byte_tile.ts';
import { epilogueOf, output, singles } from './operands.ts';
import { type Keep, PackedTensors } from './packed_tensors.ts';
import { rangeCount } from './range_counts.ts';
import { SparseTensors } from './sparse_tensors.ts';
import { equalRanges, type Threads } from './threads.ts';

const TILE = tileColumns('f32', 'wide');

export class KeptMatrices {
  private readonly packed: PackedTensors;
  private readonly sparse: SparseTensors;

  /** @param byBytes As `createWasmBackend` has it. */
  constructor(
    private readonly threads: Threads,
    arrays: Arrays,
    private readonly keep: Keep,
    byBytes: boolean,
  ) {
    this.packed = new PackedTensors(arrays, byBytes);
    this.sparse = new SparseTensors(arrays);
  }

  readonly pack = (matrix: PackedMatrix, label: string) => this.packed.pack(matrix, label, this.keep);
  readonly packSparse = (matrix: SparseMatrix, label: string) => this.sparse.pack(matrix, label, this.keep);
  readonly packBlocks = (bytes: Uint8Array, dtype: DType, shape: Shape, label: string): Tensor | undefined => {
    const ranges = this.parts(4 * elementCount(shape));
    return this.packed.packBlocks(bytes, dtype, shape, label, this.keep, (task, quads) =>
      this.threads.run('block_quads', task, equalRanges(quads, ranges)),
    );
  };

  /** Output ← a·bᵀ where b is one of them. */
  multiply(args: MatmulBtArgs): void {
    const epilogue = epilogueOf(args);
    const written = args.accumulate ? 0 : elementCount(args.output.shape);
    const place = [singles(args.a), output(args.output, written), epilogue] as const;
    if (this.sparse.has(args.b)) {
      const { task, sizes } = this.sparse.task(args, ...place);
      const { m, n, k } = sizes;
      this.threads.run('sparse_product', task, equalRanges(n, this.parts(m * n * k), 8));
      return;
    }
    for (const task of this.packed.tasks(args, ...place)) {
      const { m, n, k, a, inputs, panels } = task;
      // By codes a product takes a fraction of what it takes by panels.
      const ranges = this.parts(inputs ? (m * n * k) / 4 : m * n * k);
      if (panels) {
        const rows = equalRanges(m, this.parts(8 * m * k), BYTE_ROWS);
        this.threads.run('byte_inputs', { x: a, m, k, panels }, rows);
      }
      const bounds = task.by === 'rows' ? equalRanges(m, ranges, BYTE_ROWS) : equalRanges(n, ranges, panels ? TILE : 8);
      this.threads.run('packed_product', task, bounds);
    }
  }

  private parts(products: number): number {
    return rangeCount(this.threads.count, products);
  }
}
