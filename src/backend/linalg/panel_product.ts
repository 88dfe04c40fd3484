/**
 * @file Matrix products C = A·B and C += A·B over strided views, in f32 or f64. Blocks of A and B are packed into panels
 * of a tile's rows and columns, which the kernel reads front to back (Goto & van de Geijn, *Anatomy of high-performance
 * matrix multiplication*, 2008). Operands lie in JavaScript's arrays: blocks are copied into WebAssembly's memory and
 * packed there, which costs a few per cent of the product.
 *
 * Every element of C is a sum over blocks of k, each block summed in order.
 */
import { pulse } from '../../pulse/pulse.ts';
import {
  BLOCK_K,
  BLOCK_M,
  BLOCK_N,
  lastGroup,
  placeInPanels,
  roundUp,
  STAGE,
  STAGE_LINE,
  scratchParts,
  tiledRows,
} from './panel_scratch.ts';
import { TileChoice } from './tile_choice.ts';
import {
  BYTES,
  createTileKernel,
  hasFusedMultiplyAdd,
  LANES,
  multiplicationName,
  type Precision,
  TILE_ROWS,
  type TileHeight,
  type TileKernel,
  type TileWidth,
  tileColumns,
} from './tile_kernel.ts';
import { clearUpperHalves } from './upper_halves.ts';

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

/** A right operand that writes its own panels: one that is held in other than floats, in a product in shared memory. */
export interface PanelSource {
  /** Blocks begin at whole multiples of it. */
  readonly unit: number;
  /**
   * Packs columns `column … column + columns` and steps `step … step + steps` as panels of whole tiles, from address `target`
   * on. A panel may write on to the end of its last unit: the next panel overwrites it.
   */
  pack(target: number, column: number, columns: number, step: number, steps: number, tiles: TileWidth): void;
}

export interface ProductMode {
  /** C += A·B. */
  adds?: boolean;
  /** Only elements of C with column ≥ row are written. */
  upper?: boolean;
  /** May change a block of C while it is in the cache. @returns Whether it has written the block to C itself. */
  finish?(block: ProductBlock): boolean;
  /** `finish` reads C as it was: blocks are then written after it. */
  finish_reads?: boolean;
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

/** A memory that operands lie in themselves: those are read and written where they are. */
export interface WasmPlace {
  readonly memory: WebAssembly.Memory;
  /** Whether an array of this buffer lies in the memory. */
  holds(buffer: ArrayBufferLike): boolean;
}

/** Rows that are multiplied together where only the upper triangle is wanted: whole tiles of either height. */
const STRIP = 60;

/** Elements that are widened at once. */
const WIDENED = 4;

/** One product at a time: its scratch memory is its own. */
export class PanelProduct {
  readonly memory: WebAssembly.Memory;
  private readonly kernel: TileKernel;
  private readonly heap: Elements;
  private readonly size: number;
  private readonly lanes: number;
  private readonly choice: TileChoice;
  private readonly hasTall: boolean;
  private readonly stage_size: number;
  private readonly stage: number;
  private readonly packed_a: number;
  private readonly packed_b: number;
  private readonly tile_c: number;

  /**
   * @param place With the address of {@link sharedScratchBytes} in it; else it has a memory of its own.
   * @param tiles By default those that are found to be the faster ones.
   */
  constructor(
    private readonly precision: Precision,
    isFused = hasFusedMultiplyAdd(precision),
    private readonly place?: WasmPlace & { scratch: number },
    tiles?: TileWidth,
  ) {
    this.choice = new TileChoice(tiles);
    this.hasTall = isFused;
    this.size = BYTES[precision];
    this.lanes = LANES[precision];
    this.stage_size = place ? STAGE.shared : STAGE.own;
    const parts = scratchParts(precision, this.stage_size);
    // In elements.
    this.stage = (place?.scratch ?? 0) / this.size;
    this.packed_a = this.stage + parts.stage;
    this.packed_b = this.packed_a + parts.packed_a;
    this.tile_c = this.packed_b + parts.packed_b;
    const end = this.tile_c + parts.tile_c;
    this.memory = place?.memory ?? new WebAssembly.Memory({ initial: Math.ceil((end * this.size) / 65536) });
    this.kernel = createTileKernel(precision, this.memory, isFused);
    const { buffer } = this.memory;
    this.heap = precision === 'f32' ? new Float32Array(buffer) : new Float64Array(buffer);
  }

  /** Addresses where other products may work meanwhile: panels of a right operand, a block of C, a line of it. */
  get room() {
    const { size, packed_b, tile_c, stage } = this;
    return { right: packed_b * size, block: tile_c * size, line: stage * size };
  }

  /** The memory, counted in elements. */
  get floats(): Elements {
    return this.heap;
  }

  /** Fills an array that lies in the place with zeros. */
  zero(values: Elements): void {
    this.kernel.zero(values.byteOffset, values.byteLength);
  }

  /** C (m, n) from A (m, k) and B (k, n), all at least 1. C overlaps neither input. */
  multiply(
    m: number,
    n: number,
    k: number,
    a: StridedView,
    b: StridedView | PanelSource,
    c: RowsView,
    mode: ProductMode = {},
  ): void {
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
    b: StridedView | PanelSource,
    c: RowsView,
    { adds = false, upper = false, finish, finish_reads = false }: ProductMode,
  ): void {
    const { heap, tile_c, choice } = this;
    const work = rows * columns * k;
    const tiles = choice.width(work);
    const isTimed = choice.isTimed(work);
    let [ms, done] = [0, 0];
    const tile_columns = tileColumns(this.precision, tiles);
    const width = roundUp(columns, tile_columns);
    // Whole tiles go straight to C.
    const heights = tiledRows(rows, this.hasTall);
    const isWhole = !upper && !finish_reads && width === columns && heights.tall + heights.short === rows;
    const in_c = isWhole ? this.elementOf(c.values, c.offset + m0 * c.row_stride + n0) : undefined;
    const target = in_c ?? tile_c;
    const target_row = in_c === undefined ? width : c.row_stride;
    if (adds && in_c === undefined) this.loadC(m0, rows, n0, columns, width, c);
    // Blocks of one depth, so that the last is not a thin one.
    const most = BLOCK_K[this.precision];
    const depth = roundUp(Math.ceil(k / Math.ceil(k / most)), 'pack' in b ? b.unit : this.lanes);
    for (let k0 = 0; k0 < k; k0 += depth) {
      pulse();
      const steps = Math.min(depth, k - k0);
      for (const height of ['tall', 'short'] as const) {
        const first = height === 'tall' ? 0 : heights.tall;
        const lines = Math.min(heights[height], rows - first);
        if (lines <= 0) continue;
        this.pack(
          this.packed_a + first * steps,
          TILE_ROWS[height],
          a.values,
          a.offset + (m0 + first) * a.row_stride + k0 * a.column_stride,
          lines,
          a.row_stride,
          steps,
          a.column_stride,
        );
      }
      if ('pack' in b) b.pack(this.packed_b * this.size, n0, columns, k0, steps, tiles);
      else {
        this.pack(
          this.packed_b,
          tile_columns,
          b.values,
          b.offset + k0 * b.row_stride + n0 * b.column_stride,
          columns,
          b.column_stride,
          steps,
          b.row_stride,
        );
      }
      const begun = isTimed ? performance.now() : 0;
      const diagonal = upper ? m0 - n0 : undefined;
      done += this.multiplyPanels(heights, width, steps, diagonal, adds || k0 > 0, target, target_row, tiles);
      if (isTimed) ms += performance.now() - begun;
    }
    if (isTimed) choice.took(tiles, work, done, ms);
    const place = { row: m0, rows, column: n0, columns, at: target, stride: target_row };
    const isWritten = finish?.({ ...place, scratch: this.stage }) === true;
    if (in_c !== undefined || isWritten) return;
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

  /**
   * @param diagonal Where only the upper triangle is wanted: the first row less the first column of the block.
   * @returns How many multiply-adds it took.
   */
  private multiplyPanels(
    heights: Record<TileHeight, number>,
    width: number,
    steps: number,
    diagonal: number | undefined,
    adds: boolean,
    target: number,
    target_row: number,
    tiles: TileWidth,
  ): number {
    const { size, kernel } = this;
    const multiply = (height: TileHeight, row: number, rows: number, first: number): number => {
      kernel[multiplicationName(adds, height, tiles)](
        rows,
        width - first,
        steps,
        (this.packed_a + row * steps) * size,
        (this.packed_b + first * steps) * size,
        (target + row * target_row + first) * size,
        target_row * size,
      );
      return rows * (width - first) * steps;
    };
    let done = 0;
    const columns = tileColumns(this.precision, tiles);
    for (const height of ['tall', 'short'] as const) {
      const [begin, end] = height === 'tall' ? [0, heights.tall] : [heights.tall, heights.tall + heights.short];
      const strip = diagonal === undefined ? Math.max(1, end - begin) : STRIP;
      for (let row = begin; row < end; row += strip) {
        const first = diagonal === undefined ? 0 : Math.floor(Math.max(0, diagonal + row) / columns) * columns;
        if (first < width) done += multiply(height, row, Math.min(strip, end - row), first);
      }
    }
    clearUpperHalves();
    return done;
  }

  /**
   * Packs `lines` of `steps` elements into panels of `panel` interleaved lines. A line is a row of A or a column of B.
   * What fills the last panel is never read from the result, whatever it is. Where a panel ends in a part of a vector, the rest of
   * that is written into the next step, or the next panel, whose own lines come afterwards.
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
    const { heap, kernel, size, lanes, stage, stage_size } = this;
    const isAlong = step_stride === 1;
    if (!isAlong && this.packWidened(target, panel, values, origin, lines, steps, step_stride)) return;
    // As many vectors of a step at once as a panel has.
    const isPaired = !isAlong && panel >= 2 * lanes;
    const width = isPaired ? 2 * lanes : lanes;
    const [count, length, stride] = isAlong ? [lines, steps, line_stride] : [steps, lines, step_stride];
    // Line after line, or step after step, as they lie: at once where not much lies between them.
    const together = (count - 1) * stride + length;
    const isDense = stride <= 4 * length && stride <= STAGE_LINE && together <= stage_size;
    // As far as the last vector, and the last lines that fill one, are read.
    const more = panel % width === 0 ? 0 : width;
    const [lineReach, stepReach] = isAlong ? [more, 0] : [0, more];
    const reach = (roundUp(count, lanes) + lineReach - 1) * stride + roundUp(length, width) + stepReach;
    const in_place = this.elementOf(values, origin, reach);
    const from = in_place ?? stage;
    const row = isDense || in_place !== undefined ? stride : roundUp(length, width);
    if (in_place === undefined && isDense) heap.set(values.subarray(origin, origin + together), stage);
    else if (in_place === undefined) {
      for (let r = 0; r < count; r++) {
        const at = origin + r * stride;
        heap.set(values.subarray(at, at + length), stage + r * row);
      }
    }
    const copy = isAlong ? kernel.interleave : isPaired ? kernel.restep_pair : kernel.restep;
    const line_step = isAlong ? row : 1;
    for (let first = 0; first < lines; first += panel) {
      for (let line = lastGroup(first, lines, panel, width); line >= first; line -= width) {
        const at = target + placeInPanels(line, panel, steps);
        copy((from + line * line_step) * size, row * size, steps, at * size, panel * size);
      }
    }
  }

  /** As `pack` for f32 in an f64 product that lie in the memory, step after step. @returns False where they do not. */
  private packWidened(
    target: number,
    panel: number,
    values: Elements,
    origin: number,
    lines: number,
    steps: number,
    step_stride: number,
  ): boolean {
    const { place, size, kernel } = this;
    if (!place || size === BYTES.f32 || values.BYTES_PER_ELEMENT === size || !place.holds(values.buffer)) return false;
    const from = values.byteOffset + BYTES.f32 * origin;
    const reach = (steps - 1) * step_stride + roundUp(lines, WIDENED) + (panel % WIDENED === 0 ? 0 : WIDENED);
    if (from + BYTES.f32 * reach > values.buffer.byteLength) return false;
    for (let first = 0; first < lines; first += panel) {
      for (let line = lastGroup(first, lines, panel, WIDENED); line >= first; line -= WIDENED) {
        const at = target + placeInPanels(line, panel, steps);
        kernel.restep_widened(from + BYTES.f32 * line, BYTES.f32 * step_stride, steps, at * size, panel * size);
      }
    }
    return true;
  }

  /**
   * Which element of the memory `values[at]` is, or undefined where it lies elsewhere, is of the other precision, or fewer
   * than `reach` elements of memory are left from it on.
   */
  private elementOf(values: Elements, at: number, reach = 0): number | undefined {
    const { place, size } = this;
    if (!place || values.BYTES_PER_ELEMENT !== size || !place.holds(values.buffer)) return undefined;
    const element = values.byteOffset / size + at;
    return (element + reach) * size <= values.buffer.byteLength ? element : undefined;
  }
}
