// target[r, c] −= Σ_k left[r, left_column + k] · right[c, (k + right_shift) mod k_count], row-major, bound as vec4. The
// target is (size, size); only its rows from first_row and columns from first_column on change, and with is_upper = 1
// only the blocks of 16 columns that reach the diagonal.

struct Params {
  size: u32,
  first_row: u32,
  first_column: u32,
  is_upper: u32,
  k_count: u32,
  left_stride: u32,
  left_column: u32,
  right_stride: u32,
  right_shift: u32,
}

@group(0) @binding(0) var<storage, read> left_matrix: array<vec4f>;
@group(0) @binding(1) var<storage, read> right_matrix: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> target_matrix: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

fn left_vector(row: u32, kk: u32) -> vec4f {
  return left_matrix[(min(row, params.size - 1) * params.left_stride + params.left_column) / 4 + kk];
}

// The right side at four steps of k from 4 · kk on, a column a step, and at one vec4 column of the target.
fn right(col: u32, kk: u32) -> mat4x4f {
  let step = params.right_stride / 4;
  let at = min(4 * col, params.size - 4) * step + (kk + params.right_shift / 4) % (params.k_count / 4);
  return transpose(mat4x4f(right_matrix[at], right_matrix[at + step], right_matrix[at + 2 * step], right_matrix[at + 3 * step]));
}

fn store(row: u32, col: u32, tile: mat4x4f) {
  let columns = params.size / 4;
  if (row >= params.size || col >= columns) {
    return;
  }
  for (var i = 0u; i < 4u; i++) {
    let at = (row + i) * columns + col;
    target_matrix[at] = target_matrix[at] - tile[i];
  }
}
