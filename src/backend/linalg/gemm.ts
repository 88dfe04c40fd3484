/**
 * @file f64 matrix product, the one hot loop of the reference backend: C += A·B over strided views, so that transposes
 * cost nothing but packing. Blocks of A and B are packed into panels of four rows and four columns; the inner kernel
 * keeps a 4×4 tile of C in local variables and reads both panels front to back (Goto & van de Geijn, *Anatomy of
 * high-performance matrix multiplication*, 2008).
 *
 * Every element of C is a sum over blocks of 256 products, each block summed in order.
 */

/** Element (i, j) is `values[offset + i·row_stride + j·column_stride]`. */
export interface MatrixView {
  readonly values: Float64Array;
  readonly offset: number;
  readonly row_stride: number;
  readonly column_stride: number;
}

const TILE = 4;
const BLOCK_K = 256;
const BLOCK_M = 64;
const BLOCK_N = 256;

const packed_a = new Float64Array(BLOCK_M * BLOCK_K);
const packed_b = new Float64Array(BLOCK_N * BLOCK_K);
const tile = new Float64Array(TILE * TILE);

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

/** tile = A panel (4 × k) · B panel (k × 4). */
function multiplyPanels(a: Float64Array, b: Float64Array, k: number, a_at: number, b_at: number): void {
  let c00 = 0;
  let c01 = 0;
  let c02 = 0;
  let c03 = 0;
  let c10 = 0;
  let c11 = 0;
  let c12 = 0;
  let c13 = 0;
  let c20 = 0;
  let c21 = 0;
  let c22 = 0;
  let c23 = 0;
  let c30 = 0;
  let c31 = 0;
  let c32 = 0;
  let c33 = 0;
  for (let p = 0; p < k; p++) {
    const b0 = b[b_at];
    const b1 = b[b_at + 1];
    const b2 = b[b_at + 2];
    const b3 = b[b_at + 3];
    const a0 = a[a_at];
    c00 += a0 * b0;
    c01 += a0 * b1;
    c02 += a0 * b2;
    c03 += a0 * b3;
    const a1 = a[a_at + 1];
    c10 += a1 * b0;
    c11 += a1 * b1;
    c12 += a1 * b2;
    c13 += a1 * b3;
    const a2 = a[a_at + 2];
    c20 += a2 * b0;
    c21 += a2 * b1;
    c22 += a2 * b2;
    c23 += a2 * b3;
    const a3 = a[a_at + 3];
    c30 += a3 * b0;
    c31 += a3 * b1;
    c32 += a3 * b2;
    c33 += a3 * b3;
    a_at += TILE;
    b_at += TILE;
  }
  tile[0] = c00;
  tile[1] = c01;
  tile[2] = c02;
  tile[3] = c03;
  tile[4] = c10;
  tile[5] = c11;
  tile[6] = c12;
  tile[7] = c13;
  tile[8] = c20;
  tile[9] = c21;
  tile[10] = c22;
  tile[11] = c23;
  tile[12] = c30;
  tile[13] = c31;
  tile[14] = c32;
  tile[15] = c33;
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
            multiplyPanels(packed_a, packed_b, depth, i * depth, j * depth);
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
