// The parts of A·x, Vᵀx and Wᵀx, and of ‖x‖² without row `column + 1`, for a vector x (size) that is zero up to `column`.
// The matrix is symmetric, and of its blocks of 16 × 16 only those on and above the diagonal are read: an entry above it
// counts for its row and for its column. An invocation multiplies one block of columns of the matrix, or of the panel, by
// ROWS rows:
//   column_parts (⌈size/ROWS⌉, size + 64 + 4): sums over these rows, a line a chunk of rows; last, a part of ‖x‖²
//   row_parts (size/16, size): what a block of columns adds to the rows above it
// Each sum is of at most ROWS products in f32, and tridiagonal_reduce adds the parts: so errors stay those of short sums.
// A part that holds no row from `column` + 1 on is left as it was, and not used.

@group(0) @binding(0) var<storage, read> matrix: array<vec4f>;
@group(0) @binding(1) var<storage, read> panel: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> column_parts: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> row_parts: array<vec4f>;

override WORKGROUP_SIZE: u32 = 32;
override ROWS: u32 = 32; // a multiple of 16

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group_id: vec3u, @builtin(local_invocation_index) lane: u32) {
  let size = params.size;
  let lines = size / 4;
  let start = block_start(params.column + 1);
  let blocks = (size - start) / BLOCK;
  let panel_blocks = (params.done + BLOCK - 1) / BLOCK;
  let task = group_id.x * WORKGROUP_SIZE + lane;
  if (task >= blocks + 2 * panel_blocks) {
    return;
  }
  let chunk = start / ROWS + group_id.y;
  let first = max(chunk * ROWS, start);
  let end = min((chunk + 1) * ROWS, size);
  let to_parts = chunk * (lines + 2 * PANEL_VECTORS + 1);
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();
  var to_sums: u32;
  if (task < blocks) {
    let columns = start + task * BLOCK;
    to_sums = columns / 4;
    let x0 = x[columns / 4];
    let x1 = x[columns / 4 + 1];
    let x2 = x[columns / 4 + 2];
    let x3 = x[columns / 4 + 3];
    var squares = vec4f();
    let to_row_parts = columns / BLOCK * lines;
    for (var row = first; row < min(end, columns + BLOCK); row += 4) {
      let rows = x[row / 4];
      let at = row * lines + columns / 4;
      let a0 = mat4x4f(matrix[at], matrix[at + lines], matrix[at + 2 * lines], matrix[at + 3 * lines]);
      let a1 = mat4x4f(matrix[at + 1], matrix[at + lines + 1], matrix[at + 2 * lines + 1], matrix[at + 3 * lines + 1]);
      let a2 = mat4x4f(matrix[at + 2], matrix[at + lines + 2], matrix[at + 2 * lines + 2], matrix[at + 3 * lines + 2]);
      let a3 = mat4x4f(matrix[at + 3], matrix[at + lines + 3], matrix[at + 2 * lines + 3], matrix[at + 3 * lines + 3]);
      sum0 += a0 * rows;
      sum1 += a1 * rows;
      sum2 += a2 * rows;
      sum3 += a3 * rows;
      let tail = select(rows, vec4f(), is_line(row, params.column + 1));
      squares += tail * tail;
      if (row < columns) {
        row_parts[to_row_parts + row / 4] = x0 * a0 + x1 * a1 + x2 * a2 + x3 * a3;
      }
    }
    if (task == blocks - 1) {
      column_parts[to_parts + lines + 2 * PANEL_VECTORS] = squares;
    }
  } else {
    let of_w = task - blocks >= panel_blocks;
    let to_columns = (task - blocks) % panel_blocks * BLOCK / 4 + select(0, PANEL_VECTORS, of_w);
    to_sums = lines + to_columns;
    let step = 2 * PANEL_VECTORS;
    for (var row = first; row < end; row += 4) {
      let rows = x[row / 4];
      let at = row * step + to_columns;
      sum0 += mat4x4f(panel[at], panel[at + step], panel[at + 2 * step], panel[at + 3 * step]) * rows;
      sum1 += mat4x4f(panel[at + 1], panel[at + step + 1], panel[at + 2 * step + 1], panel[at + 3 * step + 1]) * rows;
      sum2 += mat4x4f(panel[at + 2], panel[at + step + 2], panel[at + 2 * step + 2], panel[at + 3 * step + 2]) * rows;
      sum3 += mat4x4f(panel[at + 3], panel[at + step + 3], panel[at + 2 * step + 3], panel[at + 3 * step + 3]) * rows;
    }
  }
  column_parts[to_parts + to_sums] = sum0;
  column_parts[to_parts + to_sums + 1] = sum1;
  column_parts[to_parts + to_sums + 2] = sum2;
  column_parts[to_parts + to_sums + 3] = sum3;
}
