/** @file Packed tensors of the CPU backend: their bytes in shared memory, and products with them as tasks. */

import type { DType } from '../../tensor/dtype.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { MatmulBtArgs, PackedMatrix, Tensor } from '../backend.ts';
import { hostTensor } from '../cpu/tensor.ts';
import { checkMatmulBt } from '../shapes.ts';
import type { Arrays } from './arrays.ts';
import { areFiniteBlocks, type BlockQuadsTask, isKept, keptBlocks } from './block_quads.ts';
import { areBytes, leftPanelBytes, rowsWithin } from './byte_product.ts';
import { BYTE_ROWS } from './byte_tile.ts';
import type { Epilogue } from './epilogue.ts';
import { BLOCK, layoutOf, type PackedLayout, QUAD, type QuantisedRows, quantiseRow } from './packed_layout.ts';
import { MOST_DOT_ROWS } from './packed_product.ts';
import type { PackedProductTask } from './packed_task.ts';
import { isFinitePacked, writePacked } from './write_packed.ts';

export type Keep = (shape: readonly number[], label: string, bytes: number, allocate: () => Uint32Array) => Tensor;

/** Room for quantised inputs. Views are made once: of shared memory they cost as much as a small product. */
interface Inputs extends QuantisedRows {
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
}

/** Left panels take at most so much: they are made again for the next lot of rows. */
const LEFT_BYTES = 2 ** 24;

/** (m, k) times the transpose of (n, k). */
interface Operands {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Float32Array;
  readonly output: Float32Array;
  readonly epilogue: Epilogue;
}

/** How a tensor is held, and where. */
interface Held {
  readonly layout: PackedLayout;
  readonly packed: Uint8Array;
}

export class PackedTensors {
  private readonly held = new WeakMap<Tensor, Held>();
  private kept?: Inputs;
  private panels?: { words: Uint32Array; bytes: Uint8Array };

  /** @param byBytes Whether many rows meet codes as bytes. */
  constructor(
    private readonly arrays: Arrays,
    private readonly byBytes: boolean,
  ) {}

  pack(matrix: PackedMatrix, label: string, keep: Keep): Tensor | undefined {
    const layout = layoutOf(matrix);
    if (!layout || !isFinitePacked(matrix)) return undefined;
    return this.hold(layout, label, keep, (bytes) => {
      // The memory comes with what it held; whole blocks and quads leave no gap in it.
      const isWhole = matrix.rows % QUAD === 0 && matrix.columns % BLOCK === 0;
      bytes.fill(0, isWhole ? layout.zeros_at : 0);
      writePacked(matrix, layout, bytes);
    });
  }

  /** @param run Does a task for so many quads. */
  packBlocks(
    blocks: Uint8Array,
    dtype: DType,
    [rows, columns]: Shape,
    label: string,
    keep: Keep,
    run: (task: BlockQuadsTask, quads: number) => void,
  ): Tensor | undefined {
    if (!isKept(dtype) || rows % QUAD !== 0 || !areFiniteBlocks(blocks, dtype)) return undefined;
    const layout = layoutOf({ rows, columns, ...keptBlocks(dtype) }) as PackedLayout;
    return this.hold(layout, label, keep, (packed) => {
      const bytes = this.arrays.copyOf(blocks);
      const { zeros_at, scales_at } = layout;
      run({ dtype, bytes, blocks: layout.blocks, packed, zeros_at, scales_at }, rows / QUAD);
      this.arrays.recycle(bytes);
    });
  }

  private hold(layout: PackedLayout, label: string, keep: Keep, write: (bytes: Uint8Array) => void): Tensor {
    const words = Math.ceil(layout.bytes / 4);
    const tensor = keep([layout.rows, layout.columns], label, 4 * words, () => {
      const kept = this.arrays.words(words);
      write(new Uint8Array(kept.buffer, kept.byteOffset, layout.bytes));
      return kept;
    });
    const { buffer, byteOffset } = hostTensor(tensor).values;
    this.held.set(tensor, { layout, packed: new Uint8Array(buffer, byteOffset, layout.bytes) });
    return tensor;
  }

  /** Whether rows meet codes as bytes, which inputs' own address is needed for. */
  private meetsBytes({ a, m, k }: Operands, layout: PackedLayout): boolean {
    return this.byBytes && m > MOST_DOT_ROWS && areBytes(layout, k) && this.arrays.holds(a.buffer);
  }

  /** A product's tasks, one after the other: a long product by bytes goes in lots of rows. */
  tasks(args: MatmulBtArgs, a: Float32Array, output: Float32Array, epilogue: Epilogue): PackedProductTask[] {
    const { m, n, k } = checkMatmulBt(args);
    const held = this.held.get(args.b) as Held;
    const { layout } = held;
    // Throws where it was freed.
    hostTensor(args.b).values;
    const all = { m, n, k, a, output, epilogue };
    if (!this.meetsBytes(all, layout)) {
      return [taskOf(held, all, m <= MOST_DOT_ROWS ? this.integers(a, m, k, layout) : undefined)];
    }
    const lot = Math.max(BYTE_ROWS, rowsWithin(LEFT_BYTES, k));
    if (m <= lot) return [taskOf(held, all, undefined, this.leftPanels(m, k))];
    return Array.from({ length: Math.ceil(m / lot) }, (_, i) => {
      const part = rowsOf(all, i * lot, Math.min(m, (i + 1) * lot));
      return taskOf(held, part, undefined, this.leftPanels(part.m, k));
    });
  }

  /** Of all lots, one after the other. */
  private leftPanels(m: number, k: number): Uint8Array {
    const bytes = leftPanelBytes(m, k);
    if (!this.panels || this.panels.bytes.length < bytes) {
      if (this.panels) this.arrays.recycle(this.panels.words);
      const words = this.arrays.words(bytes / 4);
      this.panels = { words, bytes: new Uint8Array(words.buffer, words.byteOffset, words.byteLength) };
    }
    return this.panels.bytes;
  }

  /** Into arrays that stay: a token is hundreds of small products. */
  private integers(a: Float32Array, m: number, k: number, { blocks, bits }: PackedLayout): Inputs {
    const inputs = this.scratch(m * blocks);
    for (let row = 0; row < m; row++) quantiseRow(a, row * k, k, bits, inputs, row);
    return inputs;
  }

  private scratch(blocks: number): Inputs {
    if (this.kept && this.kept.scales.length >= blocks) return this.kept;
    if (this.kept) for (const array of [this.kept.words, this.kept.scales, this.kept.sums]) this.arrays.recycle(array);
    const words = this.arrays.words((blocks * BLOCK) / 2);
    this.kept = {
      words,
      bytes: new Uint8Array(words.buffer, words.byteOffset, words.byteLength),
      values: new Int16Array(words.buffer, words.byteOffset, blocks * BLOCK),
      ...{ scales: this.arrays.floats(blocks), sums: this.arrays.floats(blocks) },
    };
    return this.kept;
  }
}

function rowsOf({ n, k, a, output, epilogue }: Operands, start: number, end: number): Operands {
  const rows = (values: Float32Array, width: number) => values.subarray(start * width, end * width);
  const { row_scale, gate } = epilogue;
  const part = { ...epilogue, row_scale: row_scale && rows(row_scale, 1), gate: gate && rows(gate, n) };
  return { m: end - start, n, k, a: rows(a, k), output: rows(output, n), epilogue: part };
}

function taskOf(
  { layout, packed }: Held,
  { m, n, k, a, output, epilogue }: Operands,
  inputs?: Inputs,
  panels?: Uint8Array,
): PackedProductTask {
  // Written out: spreading four objects into one takes as long as a small product.
  return {
    m,
    n,
    k,
    a,
    output,
    packed,
    bits: layout.bits,
    scale: layout.scale,
    zero: layout.zero,
    zeros_at: layout.zeros_at,
    scales_at: layout.scales_at,
    blocks: layout.blocks,
    group: layout.group,
    groups: layout.groups,
    inputs: inputs?.bytes,
    input_scales: inputs?.scales,
    input_sums: inputs?.sums,
    panels,
    by: panels && m >= n ? 'rows' : 'columns',
    row_scale: epilogue.row_scale,
    gate: epilogue.gate,
    activation: epilogue.activation,
    accumulate: epilogue.accumulate,
  };
}
