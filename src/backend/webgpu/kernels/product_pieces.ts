/** @file How a product is cut into dispatches. Pure. */
import type { MatmulSizes } from '../../shapes.ts';

/** a·b, a·bᵀ or aᵀ·b. */
export type ProductForm = 'plain' | 'bt' | 'at';

export interface Range {
  start: number;
  end: number;
}

/** Rows and columns of output that one dispatch computes, from some steps of k. Pieces of k come in order. */
export interface ProductPiece {
  m: Range;
  n: Range;
  k: Range;
}

interface Parts {
  readonly parts: readonly { first: number }[];
}

/** Cuts are multiples of this: 64 floats are 256 bytes, the alignment of bindings, whatever the row length. */
export const CUT = 64;

/**
 * @param operands Where a, b and output, row-major, begin a new part; cuts of the output's rows, of its columns and of k
 * follow from them by the form.
 * @param mostWork Multiply-adds of one piece; at least 64 rows × 64 columns are computed together.
 */
export function productPieces(
  form: ProductForm,
  { m, n, k }: Pick<MatmulSizes, 'm' | 'n' | 'k'>,
  operands: { a: Parts; b: Parts; output: Parts },
  mostWork: number,
): ProductPiece[] {
  const cuts = (...of: Parts[]) => of.flatMap(({ parts }) => parts.map(({ first }) => first));
  const { a, b, output } = operands;
  const rowCuts = form === 'at' ? cuts(output) : cuts(output, a);
  const stepCuts = form === 'at' ? cuts(a, b) : form === 'plain' ? cuts(b) : [];
  const columnCuts = form === 'bt' ? cuts(b) : [];
  const steps = ranges(k, stepCuts, k);
  const longest = Math.max(...steps.map(({ start, end }) => end - start));
  const columns = ranges(n, columnCuts, piece(mostWork / (CUT * longest), n));
  const widest = Math.max(...columns.map(({ start, end }) => end - start));
  const rows = ranges(m, rowCuts, piece(mostWork / (widest * longest), m));
  return rows.flatMap((m) => columns.flatMap((n) => steps.map((k) => ({ m, n, k }))));
}

/** All of `size` if it fits, else a multiple of the cut. */
function piece(fitting: number, size: number): number {
  return fitting >= size ? size : Math.max(CUT, Math.floor(fitting / CUT) * CUT);
}

/** 0 … size, cut at `cuts` and into stretches of at most `most`. */
function ranges(size: number, cuts: readonly number[], most: number): Range[] {
  const starts = [...new Set([0, ...cuts])].filter((start) => start < size).sort((x, y) => x - y);
  return starts.flatMap((first, i) => {
    const last = starts[i + 1] ?? size;
    const pieces: Range[] = [];
    for (let start = first; start < last; start += most) pieces.push({ start, end: Math.min(last, start + most) });
    return pieces;
  });
}
