/**
 * @file f64 matrix product, the one hot loop of the reference backend: C += A·B over strided views, so that transposes
 * cost nothing but packing. Blocks of A and B are packed into panels of four rows and four columns; the inner kernel
 * keeps a 4×4 tile of C in registers and reads both panels front to back (Goto & van de Geijn, *Anatomy of
 * high-performance matrix multiplication*, 2008).
 *
 * Every element of C is a sum over blocks of 256 products, each block summed in order.
 */
import { BLOCK_K, BLOCK_M, BLOCK_N, plainPanels, simdPanels, TILE } from './panel_kernel.ts';

/** Element (i, j) is `values[offset + i·row_stride + j·column_stride]`. */
export interface MatrixView {
  readonly values: Float64Array;
  readonly offset: number;
  readonly row_stride: number;
  readonly column_stride: number;
}

const { packed_a, packed_b, tile, multiply } = simdPanels() ?? plainPanels();

/** Row-major view. */
export function view(values: Float64Array, row_stride: number, offset = 0): MatrixView {
  return { values, offset, row_stride, column_stride: 1 };
}

/** The transposed view: no copy. */
export function transposed(matrix: MatrixView): MatrixView {
  return { ...matrix, row_stride: matrix.column_stride, column_stride: matrix.row_stride };
}

/**
 * Copies lines `first … first + lines` (of length k from `first_k`) into panels of four interleaved lines, the last
 * panel filled with zeros. A line is a row of A or a column of B.
 */
function pack(
  target: Float64Array,
  source: Float64Array,
  origin: number,
  lines: number,
  line_stride: number,
  k: number,
  k_stride: number,
): void {
  let to = 0;
  for (let line = 0; line < lines; line += TILE) {
    const from = origin + line * line_stride;
    if (line + TILE <= lines) {
      for (let p = 0, at = from; p < k; p++, at += k_stride, to += TILE) {
        target[to] = source[at];
        target[to + 1] = source[at + line_stride];
        target[to + 2] = source[at + 2 * line_stride];
        target[to + 3] = source[at + 3 * line_stride];
      }
    } else {
      for (let p = 0, at = from; p < k; p++, at += k_stride, to += TILE) {
        for (let q = 0; q < TILE; q++) target[to + q] = line + q < lines ? source[at + q * line_stride] : 0;
      }
    }
  }
}

/**
 * C (m, n) += A (m, k) · B (k, n). C is row-major and overlaps neither input. With `upper`, only elements of C with
 * column ≥ row are computed and touched.
 */
export function addProduct(
  m: number,
  n: number,
  k: number,
  a: MatrixView,
  b: MatrixView,
  c: { values: Float64Array; offset: number; row_stride: number },
  upper = false,
): void {
  for (let k0 = 0; k0 < k; k0 += BLOCK_K) {
    const depth = Math.min(BLOCK_K, k - k0);
    for (let n0 = 0; n0 < n; n0 += BLOCK_N) {
      const columns = Math.min(BLOCK_N, n - n0);
      const b_origin = b.offset + k0 * b.row_stride + n0 * b.column_stride;
      pack(packed_b, b.values, b_origin, columns, b.column_stride, depth, b.row_stride);
      // Rows from the last column of this block on lie wholly below the diagonal.
      const m_end = upper ? Math.min(m, n0 + columns) : m;
      for (let m0 = 0; m0 < m_end; m0 += BLOCK_M) {
        const rows = Math.min(BLOCK_M, m_end - m0);
        const a_origin = a.offset + m0 * a.row_stride + k0 * a.column_stride;
        pack(packed_a, a.values, a_origin, rows, a.row_stride, depth, a.column_stride);
        for (let j = 0; j < columns; j += TILE) {
          for (let i = 0; i < rows; i += TILE) {
            if (upper && m0 + i > n0 + j + TILE - 1) break;
            multiply(depth, i * depth, j * depth);
            const width = Math.min(TILE, columns - j);
            const height = Math.min(TILE, rows - i);
            for (let r = 0; r < height; r++) {
              const at = c.offset + (m0 + i + r) * c.row_stride + n0 + j;
              const first = upper ? Math.max(0, m0 + i + r - n0 - j) : 0;
              for (let q = first; q < width; q++) c.values[at + q] += tile[r * TILE + q];
            }
          }
        }
      }
    }
  }
}
