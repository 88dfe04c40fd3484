/**
 * @file GPTQ (arXiv 2210.17323), with its orders, the official code's lazy grids, kept columns for OWQ, and the second update
 * of GPTAQ (arXiv 2504.02692) where the inputs of the compressed model are not those of the dense one.
 */
import { addProduct, transposed, view } from '../../backend/linalg/gemm.ts';
import { type WalkOptions, walkColumns } from './column_walk.ts';
import { emptyCodes, type Grid, type GroupedCodes, type GroupParams, groupsOf, paramsOf, roundingTo } from './grid.ts';
import { DAMPING, diagonalOf, fallingOrder, inverseHessian, takeColumns } from './hessian.ts';

/**
 * `natural`: as inputs stand. `static`: by falling diagonal of the Gram, groups and their grids being those of the original
 * weights in natural order, so that the file has no index. `dynamic`: groups are formed in falling order, and the file
 * holds which group an input is in.
 */
export type GptqOrder = 'natural' | 'static' | 'dynamic';

export interface GptqOptions {
  readonly grid: Grid;
  /** Inputs that share a scale; `columns` or more for one a row. */
  readonly group: number;
  readonly order?: GptqOrder;
  /** `ahead`: a group's grid is found from weights that have all updates; `lazy`: as the official code, without those of their own block. */
  readonly params?: 'ahead' | 'lazy';
  readonly damping?: number;
  /** (columns, columns): Σ (x_dense − x)ᵀ·x, for GPTAQ. */
  readonly deltaGram?: Float64Array;
  /** GPTAQ's α. */
  readonly alpha?: number;
  /** W is the solver's to use up: a matrix less. */
  readonly consumes?: boolean;
}

export interface GptqResult extends GroupedCodes {
  /** With `dynamic`: column j of `codes` is input order[j]. */
  readonly order?: Uint32Array;
}

/**
 * @param W (rows, columns) row-major; left as it is unless `consumes`.
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
): Promise<GptqResult> {
  const kind = options.order ?? 'natural';
  const order = kind === 'natural' ? undefined : fallingOrder(diagonalOf(gram, columns));
  const walked = order ? takeColumns(W, rows, columns, order) : options.consumes ? W : W.slice();
  const { grid } = options;
  const group = Math.min(options.group, columns);
  const found = emptyCodes(rows, columns, group, grid);
  const groups = groupsOf(columns, group);
  const write = (row: number, index: number, params: GroupParams) => {
    found.scales[row * groups + index] = params.scale;
    found.offsets[row * groups + index] = params.offset;
  };
  const isStatic = kind === 'static';
  if (isStatic) everyGroup(W, rows, columns, group, grid, write);
  await walkGrid(walked, rows, columns, gram, order, options, work, {
    group,
    stop: columns,
    begin: isStatic ? undefined : write,
    ...(order && isStatic && { places: order }),
    into: found,
    inputs: order ? 'falling' : 'natural',
  });
  return kind === 'dynamic' ? { ...found, order } : found;
}

interface GridWalk {
  readonly group: number;
  /** Columns from here on are not rounded. */
  readonly stop: number;
  /** Takes the grid of a group of walked columns; absent: all grids are known. */
  readonly begin?: (row: number, index: number, params: GroupParams) => void;
  /** Where the code of each walked column goes, and with it its group; absent: as they are walked. */
  readonly places?: ArrayLike<number>;
  /** Gets the codes; its grids are those that `begin` took, or all that there are. */
  readonly into: Pick<GroupedCodes, 'codes' | 'scales' | 'offsets' | 'columns'>;
  /** In which order the columns are. */
  readonly inputs: 'natural' | 'falling' | ArrayLike<number>;
}

/** Rounds W (rows, columns), whose columns are in `order` already, in place. */
export async function walkGrid(
  W: Float64Array,
  rows: number,
  columns: number,
  gram: Float64Array,
  order: ArrayLike<number> | undefined,
  { grid, params = 'ahead', damping = DAMPING, deltaGram, alpha = 0.25 }: GptqOptions,
  work: WalkOptions,
  { group, stop, begin, places, into, inputs }: GridWalk,
): Promise<void> {
  const { U, dead } = await inverseHessian(gram, columns, inputs, damping, work);
  for (const column of dead) for (let row = 0; row < rows; row++) W[row * columns + column] = 0;
  const delta = deltaGram && asymmetry(deltaGram, U, columns, order, alpha, work);
  const isLazy = params === 'lazy';
  const groupAt = (row: number, column: number) =>
    begin?.(row, column / group, paramsOf(grid, W, row * columns + column, Math.min(group, stop - column)));
  const { codes, scales, offsets } = into;
  const groups = groupsOf(into.columns, group);
  const at = (column: number) => (places ? places[column] : column);
  const codePlaces = Uint32Array.from({ length: stop }, (_, column) => at(column));
  const groupPlaces = Uint32Array.from({ length: stop }, (_, column) => Math.floor(at(column) / group));
  const { nearest, number } = roundingTo(grid);
  await walkColumns(
    W,
    rows,
    columns,
    U,
    {
      stop,
      unit: isLazy || !begin ? 1 : group,
      block(start, end) {
        if (!isLazy) return;
        for (let column = Math.ceil(start / group) * group; column < Math.min(end, stop); column += group) {
          for (let row = 0; row < rows; row++) groupAt(row, column);
        }
      },
      ...(!isLazy && begin && { begin: groupAt }),
      grid: { ...{ grid, codes, scales, offsets, groups, codePlaces, groupPlaces }, columns: into.columns },
      choose(values, base, row, column) {
        const place = row * groups + groupPlaces[column];
        const code = nearest(values[base + column], scales[place], offsets[place]);
        codes[row * into.columns + codePlaces[column]] = code;
        return number(code, scales[place], offsets[place]);
      },
    },
    { ...work, delta },
  );
}

function everyGroup(
  W: Float64Array,
  rows: number,
  columns: number,
  group: number,
  grid: Grid,
  write: (row: number, index: number, params: GroupParams) => void,
): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column += group) {
      write(row, column / group, paramsOf(grid, W, row * columns + column, Math.min(group, columns - column)));
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
