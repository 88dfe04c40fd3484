/**
 * @file GPTQ (arXiv 2210.17323), with its orders, the official code's lazy grids, kept columns for OWQ, and the second update
 * of GPTAQ (arXiv 2504.02692) where the inputs of the compressed model are not those of the dense one.
 */
import { addProduct, transposed, view } from '../../backend/linalg/gemm.ts';
import { type Grouped, groupSize, groupsOf } from '../../models/packed/packing.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import { type WalkOptions, walkColumns } from './column_walk.ts';
import { findGrid, type Grid, gridCode, gridValue } from './grid.ts';
import { DAMPING, diagonalOf, fallingOrder, inverseHessian, takeColumns } from './hessian.ts';

/**
 * `natural`: as inputs stand. `static`: by falling diagonal of the Gram, groups and their grids being those of the original
 * weights in natural order, so that the file has no index. `dynamic`: groups are formed in falling order, and the file
 * holds which group an input is in.
 */
export type GptqOrder = 'natural' | 'static' | 'dynamic';

export interface GptqOptions {
  readonly packing: Grouped;
  readonly order?: GptqOrder;
  /** `ahead`: a group's grid is found from weights that have all updates; `lazy`: as the official code, without those of their own block. */
  readonly params?: 'ahead' | 'lazy';
  readonly damping?: number;
  /** (columns, columns): Σ (x_dense − x)ᵀ·x, for GPTAQ. */
  readonly deltaGram?: Float64Array;
  /** GPTAQ's α. */
  readonly alpha?: number;
}

/**
 * @param W (rows, columns) row-major; left as it is.
 * @param gram (columns, columns): XᵀX of what the linear reads.
 * @throws `not_converged`, `cancelled`
 */
export async function gptq(
  W: Float64Array,
  rows: number,
  columns: number,
  gram: Float64Array,
  options: GptqOptions,
  work: WalkOptions = {},
): Promise<GroupedValues> {
  const kind = options.order ?? 'natural';
  const order = kind === 'natural' ? undefined : fallingOrder(diagonalOf(gram, columns));
  const walked = order ? takeColumns(W, rows, columns, order) : W.slice();
  const found = emptyGrouped(rows, columns, options.packing);
  const { packing } = found;
  const size = groupSize(packing, columns);
  const groups = groupsOf(packing, columns);
  const isStatic = kind === 'static';
  if (isStatic) everyGroup(W, found);
  await walkGrid(walked, rows, columns, gram, options, work, {
    stop: columns,
    begin: isStatic ? undefined : (row, index, grid) => setGrid(found, row * groups + index, grid),
    place(row, column) {
      const natural = order && isStatic ? order[column] : column;
      return { at: row * columns + natural, grid: gridAt(found, row * groups + Math.floor(natural / size)) };
    },
    codes: found.codes,
    inputs: order ? 'falling' : 'natural',
  });
  if (kind !== 'dynamic') return found;
  return { ...found, packing: { ...packing, ordered: true }, order: Uint16Array.from(order as Uint32Array) };
}

/** A matrix on a grid, to be filled. */
export function emptyGrouped(rows: number, columns: number, packing: Grouped): GroupedValues {
  const groups = rows * groupsOf(packing, columns);
  return {
    ...{ packing, rows, columns, codes: new Uint8Array(rows * columns), scales: new Float64Array(groups) },
    ...(packing.zero !== 'symmetric' && { zeros: new Float64Array(groups) }),
  };
}

function setGrid({ scales, zeros }: GroupedValues, at: number, { scale, zero }: Grid): void {
  scales[at] = scale;
  if (zeros) zeros[at] = zero;
}

export function gridAt({ scales, zeros }: GroupedValues, at: number): Grid {
  return { scale: scales[at], zero: zeros ? zeros[at] : 0 };
}

export interface GridWalk {
  /** Columns from here on are not rounded. */
  readonly stop: number;
  /** Takes the grid of a group of walked columns; absent: all grids are known. */
  readonly begin?: (row: number, index: number, grid: Grid) => void;
  /** Where the code of a walked column goes, and its grid. */
  place(row: number, column: number): { at: number; grid: Grid };
  readonly codes: Uint8Array;
  /** In which order the columns are. */
  readonly inputs: 'natural' | 'falling' | ArrayLike<number>;
}

/** Rounds W (rows, columns), whose columns are in the walk's order already, in place. */
export async function walkGrid(
  W: Float64Array,
  rows: number,
  columns: number,
  gram: Float64Array,
  { packing, params = 'ahead', damping = DAMPING, deltaGram, alpha = 0.25 }: GptqOptions,
  work: WalkOptions,
  { stop, begin, place, codes, inputs }: GridWalk,
): Promise<void> {
  const { U, dead } = await inverseHessian(gram, columns, inputs, damping, work);
  for (const column of dead) for (let row = 0; row < rows; row++) W[row * columns + column] = 0;
  const order = inputs === 'falling' ? fallingOrder(diagonalOf(gram, columns)) : inputs;
  const delta = deltaGram && asymmetry(deltaGram, U, columns, order === 'natural' ? undefined : order, alpha, work);
  const isLazy = params === 'lazy';
  const size = Math.max(1, groupSize(packing, stop));
  const groupAt = (row: number, column: number) => {
    const at = row * columns + column;
    begin?.(row, column / size, findGrid(W, at, at + Math.min(size, stop - column), packing));
  };
  await walkColumns(
    W,
    rows,
    columns,
    U,
    {
      stop,
      block(start, end) {
        if (!isLazy) return;
        for (let column = Math.ceil(start / size) * size; column < Math.min(end, stop); column += size) {
          for (let row = 0; row < rows; row++) groupAt(row, column);
        }
      },
      choose(values, base, row, column) {
        if (!isLazy && column % size === 0) groupAt(row, column);
        const { at, grid } = place(row, column);
        const code = gridCode(values[base + column], grid, packing);
        codes[at] = code;
        return gridValue(code, grid, packing.zero);
      },
    },
    { ...work, delta },
  );
}

/** Every group's grid from the weights as they are. */
function everyGroup(W: Float64Array, found: GroupedValues): void {
  const { packing, rows, columns } = found;
  const size = groupSize(packing, columns);
  const groups = groupsOf(packing, columns);
  for (let row = 0; row < rows; row++) {
    for (let index = 0; index < groups; index++) {
      const start = row * columns + index * size;
      setGrid(found, row * groups + index, findGrid(W, start, start + Math.min(size, columns - index * size), packing));
    }
  }
}

/** P = α · triu(ΔᵀUᵀ, 1) · U, strictly upper, with Δ = Σ (x_dense − x)ᵀ·x: what a rounded weight owes to the inputs' drift. */
function asymmetry(
  deltaGram: Float64Array,
  U: Float64Array,
  n: number,
  order: ArrayLike<number> | undefined,
  alpha: number,
  { multiply = addProduct }: WalkOptions,
): Float64Array {
  const delta = order
    ? Float64Array.from({ length: n * n }, (_, i) => deltaGram[order[Math.floor(i / n)] * n + order[i % n]])
    : deltaGram;
  const inner = new Float64Array(n * n);
  multiply(n, n, n, view(delta, n), transposed(view(U, n)), view(inner, n));
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) inner[i * n + j] = 0;
  for (let i = 0; i < inner.length; i++) inner[i] *= alpha;
  const P = new Float64Array(n * n);
  multiply(n, n, n, view(inner, n), view(U, n), view(P, n));
  return P;
}
