/**
 * @file Matrix products C = A·B and C += A·B over strided views, in f32 or f64. Blocks of A and B are packed into panels
 * of a tile's rows and columns, which the kernel reads front to back (Goto & van de Geijn, *Anatomy of high-performance
 * matrix multiplication*, 2008). Operands lie in JavaScript's arrays: blocks are copied into WebAssembly's memory and
 * packed there, which costs a few per cent of the product.
 *
 * Every element of C is a sum over blocks of k, each block summed in order.
 */
import {
  BYTES,
  createTileKernel,
  LANES,
  type Precision,
  TILE_COLUMNS,
  TILE_ROWS,
  type TileKernel,
} from './tile_kernel.ts';

export type Elements = Float32Array | Float64Array;

/**
 * Element (i, j) is `values[offset + i·row_stride + j·column_stride]`; one of the strides is 1. The values may be f32 in
 * an f64 product.
 */
export interface StridedView<T extends Elements = Elements> {
  readonly values: T;
  readonly offset: number;
  readonly row_stride: number;
  readonly column_stride: number;
}

/** Row-major. */
export interface RowsView<T extends Elements = Elements> {
  readonly values: T;
  readonly offset: number;
  readonly row_stride: number;
}

export interface ProductMode {
  /** C += A·B. */
  adds?: boolean;
  /** Only elements of C with column ≥ row are written. */
  upper?: boolean;
  /** May change a block of C before it is written, while it is in the cache. */
  finish?(block: ProductBlock): void;
}

/** Rows `row … row + rows` of C and columns likewise, where they were computed: places are in elements of the memory. */
export interface ProductBlock {
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
  /** Where the block begins, and how far its rows are apart: a whole number of vectors. */
  readonly at: number;
  readonly stride: number;
  /** Free for a row of the block. */
  readonly scratch: number;
}

/** A block of A, (BLOCK_M, block of k), stays in the second-level cache; a panel of B in the first. */
const BLOCK_M = 256;
const BLOCK_N: Record<Precision, number> = { f32: 1024, f64: 512 };
const BLOCK_K: Record<Precision, number> = { f32: 384, f64: 256 };
/** Elements of the place where a block lies before it is packed. */
const STAGE = 2 ** 21;
/** The longest stride that is staged as it is, and more than the longest line that is not. */
const STAGE_LINE = 4096;
/** Rows that are multiplied together where only the upper triangle is wanted. */
const STRIP = 64;

const roundUp = (value: number, multiple: number) => Math.ceil(value / multiple) * multiple;

/** One product at a time: it owns its scratch memory. */
export class PanelProduct {
  readonly memory: WebAssembly.Memory;
  private readonly kernel: TileKernel;
  private readonly heap: Elements;
  private readonly size: number;
  private readonly lanes: number;
  private readonly columns: number;
  private readonly stage: number;
  private readonly packed_a: number;
  private readonly packed_b: number;
  private readonly tile_c: number;

  constructor(
    private readonly precision: Precision,
    isFused?: boolean,
  ) {
    this.size = BYTES[precision];
    this.lanes = LANES[precision];
    this.columns = TILE_COLUMNS[precision];
    const [block_n, block_k] = [BLOCK_N[precision], BLOCK_K[precision]];
    // In elements.
    let end = 0;
    const take = (elements: number) => {
      const start = end;
      end += elements;
      return start;
    };
    // A last vector, and last lines that fill one, are read beyond the block.
    this.stage = take(STAGE + 4 * STAGE_LINE);
    this.packed_a = take(BLOCK_M * block_k);
    // What a last panel is rounded up by is overwritten or never read, but it must lie somewhere.
    this.packed_b = take(block_n * block_k + 64);
    this.tile_c = take(BLOCK_M * block_n);
    this.memory = new WebAssembly.Memory({ initial: Math.ceil((end * this.size) / 65536) });
    this.kernel = createTileKernel(precision, this.memory, isFused);
    const { buffer } = this.memory;
    this.heap = precision === 'f32' ? new Float32Array(buffer) : new Float64Array(buffer);
  }

  /** C (m, n) from A (m, k) and B (k, n), all at least 1. C overlaps neither input. */
  multiply(m: number, n: number, k: number, a: StridedView, b: StridedView, c: RowsView, mode: ProductMode = {}): void {
    const block_n = BLOCK_N[this.precision];
    for (let n0 = 0; n0 < n; n0 += block_n) {
      const columns = Math.min(block_n, n - n0);
      // Rows from the last column of this block on lie wholly below the diagonal.
      const m_end = mode.upper ? Math.min(m, n0 + columns) : m;
      for (let m0 = 0; m0 < m_end; m0 += BLOCK_M) {
        this.block(m0, Math.min(BLOCK_M, m_end - m0), n0, columns, k, a, b, c, mode);
      }
    }
  }

  private block(
    m0: number,
    rows: number,
    n0: number,
    columns: number,
    k: number,
    a: StridedView,
    b: StridedView,
    c: RowsView,
    { adds = false, upper = false, finish }: ProductMode,
  ): void {
    const { heap, tile_c } = this;
    const width = roundUp(columns, this.columns);
    if (adds) this.loadC(m0, rows, n0, columns, width, c);
    // Blocks of one depth, so that the last is not a thin one.
    const most = BLOCK_K[this.precision];
    const depth = roundUp(Math.ceil(k / Math.ceil(k / most)), this.lanes);
    for (let k0 = 0; k0 < k; k0 += depth) {
      const steps = Math.min(depth, k - k0);
      this.pack(
        this.packed_a,
        TILE_ROWS,
        a.values,
        a.offset + m0 * a.row_stride + k0 * a.column_stride,
        rows,
        a.row_stride,
        steps,
        a.column_stride,
      );
      this.pack(
        this.packed_b,
        this.columns,
        b.values,
        b.offset + k0 * b.row_stride + n0 * b.column_stride,
        columns,
        b.column_stride,
        steps,
        b.row_stride,
      );
      this.multiplyPanels(rows, width, steps, upper ? m0 - n0 : undefined, adds || k0 > 0);
    }
    finish?.({ row: m0, rows, column: n0, columns, at: tile_c, stride: width, scratch: this.stage });
    if (!upper && columns === width && columns === c.row_stride) {
      c.values.set(heap.subarray(tile_c, tile_c + rows * width), c.offset + m0 * c.row_stride);
      return;
    }
    for (let row = 0; row < rows; row++) {
      const first = upper ? Math.max(0, m0 + row - n0) : 0;
      if (first >= columns) break;
      const from = tile_c + row * width;
      c.values.set(heap.subarray(from + first, from + columns), c.offset + (m0 + row) * c.row_stride + n0 + first);
    }
  }

  private loadC(m0: number, rows: number, n0: number, columns: number, width: number, c: RowsView): void {
    for (let row = 0; row < rows; row++) {
      const at = c.offset + (m0 + row) * c.row_stride + n0;
      this.heap.set(c.values.subarray(at, at + columns), this.tile_c + row * width);
    }
  }

  /** @param diagonal Where only the upper triangle is wanted: the first row less the first column of the block. */
  private multiplyPanels(
    rows: number,
    width: number,
    steps: number,
    diagonal: number | undefined,
    adds: boolean,
  ): void {
    const { size, columns } = this;
    const multiply = adds ? this.kernel.multiply_add : this.kernel.multiply;
    const strip = diagonal === undefined ? rows : STRIP;
    for (let row = 0; row < rows; row += strip) {
      const height = roundUp(Math.min(strip, rows - row), TILE_ROWS);
      const first = diagonal === undefined ? 0 : Math.floor(Math.max(0, diagonal + row) / columns) * columns;
      if (first >= width) break;
      multiply(
        height,
        width - first,
        steps,
        (this.packed_a + row * steps) * size,
        (this.packed_b + first * steps) * size,
        (this.tile_c + row * width + first) * size,
        width * size,
      );
    }
  }

  /**
   * Packs `lines` of `steps` elements into panels of `panel` interleaved lines. A line is a row of A or a column of B.
   * What fills the last panel is never read from the result, whatever it is.
   */
  private pack(
    target: number,
    panel: number,
    values: Elements,
    origin: number,
    lines: number,
    line_stride: number,
    steps: number,
    step_stride: number,
  ): void {
    const { heap, kernel, size, lanes, stage } = this;
    const isAlong = step_stride === 1;
    const [count, length, stride] = isAlong ? [lines, steps, line_stride] : [steps, lines, step_stride];
    // Line after line, or step after step, as they lie: at once where not much lies between them.
    const together = (count - 1) * stride + length;
    const isDense = stride <= 4 * length && stride <= STAGE_LINE && together <= STAGE;
    const row = isDense ? stride : roundUp(length, lanes);
    if (isDense) heap.set(values.subarray(origin, origin + together), stage);
    else {
      for (let r = 0; r < count; r++) {
        const at = origin + r * stride;
        heap.set(values.subarray(at, at + length), stage + r * row);
      }
    }
    const groups = panel / lanes;
    for (let line = 0; line < lines; line += lanes) {
      const group = line / lanes;
      const at = target + Math.floor(group / groups) * panel * steps + (group % groups) * lanes;
      const source = (isAlong ? stage + line * row : stage + line) * size;
      if (isAlong) kernel.interleave(source, row * size, steps, at * size, panel * size);
      else kernel.restep(source, row * size, steps, at * size, panel * size);
    }
  }
}
