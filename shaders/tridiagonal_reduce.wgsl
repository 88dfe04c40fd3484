// The reflector H = I − τ·v·vᵀ that takes x to (β, 0, …) below `column`, and its products, from tridiagonal_product's parts:
//   β = −sign(x₁)·‖x‖,  v = (x − β·e₁) / (x₁ − β),  τ = (β − x₁) / β
//   A·v = (A·x − β·A[:, column + 1]) / (x₁ − β), and so for Vᵀv and Wᵀv
// (LAPACK's larfg). Where the rest of x is nothing beside the matrix, whose largest entry is 1 … 2, there is no reflector:
// v and τ are zero. vectors (size) takes v; tridiagonal (3, size) the off-diagonal entry and τ; for product see
// common/tridiagonal_layout.wgsl. The sums are redone by every invocation, of which each owns VECTORS × 4 columns of the
// matrix, or 4 of V or W.

@group(0) @binding(0) var<storage, read> matrix: array<vec4f>;
@group(0) @binding(1) var<storage, read> panel: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> column_parts: array<vec4f>;
@group(0) @binding(4) var<storage, read> row_parts: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> product: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> vectors: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> tridiagonal: array<f32>;

override WORKGROUP_SIZE: u32 = 64;
override VECTORS: u32 = 1;
override ROWS: u32 = 32; // as tridiagonal_product has it

// (10⁻¹⁵)²: far below the rounding of the matrix, far above where squares lose digits.
const NEGLIGIBLE: f32 = 1e-30;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let size = params.size;
  let lines = size / 4;
  let pivot = params.column + 1;
  let start = block_start(pivot);
  let matrix_tasks = ((size - start) / 4 + VECTORS - 1) / VECTORS;
  if (id.x >= matrix_tasks + 2 * PANEL_VECTORS) {
    return;
  }
  let stride = lines + 2 * PANEL_VECTORS + 1;
  let first_chunk = start / ROWS;
  let chunks = (size + ROWS - 1) / ROWS;
  var squares = vec4f();
  for (var chunk = first_chunk; chunk < chunks; chunk++) {
    squares += column_parts[chunk * stride + stride - 1];
  }
  let tail = squares.x + squares.y + squares.z + squares.w;
  let x1 = x[pivot / 4][pivot % 4];
  let is_turned = tail > NEGLIGIBLE;
  let length = sqrt(x1 * x1 + tail);
  let beta = select(x1, select(-length, length, x1 < 0), is_turned);
  let inverse = select(0, 1 / select(1, x1 - beta, is_turned), is_turned);

  if (id.x >= matrix_tasks) {
    let k = id.x - matrix_tasks;
    var sum = vec4f();
    for (var chunk = first_chunk; chunk < chunks; chunk++) {
      sum += column_parts[chunk * stride + lines + k];
    }
    // Columns of the panel that are not there yet may hold the last panel's.
    let is_absent = is_after(k % PANEL_VECTORS * 4 + 1, params.done);
    let row = select(panel[pivot * 2 * PANEL_VECTORS + k], vec4f(), is_absent);
    product[lines + k] = select((sum - beta * row) * inverse, vec4f(), is_absent);
    product[lines + 2 * PANEL_VECTORS + k] = row;
    return;
  }
  var part = vec4f();
  for (var i = 0u; i < VECTORS; i++) {
    let columns = start + 4 * (id.x * VECTORS + i);
    if (columns >= size) {
      break;
    }
    var sum = vec4f();
    let last_chunk = (block_start(columns) + BLOCK - 1) / ROWS;
    for (var chunk = first_chunk; chunk <= last_chunk; chunk++) {
      sum += column_parts[chunk * stride + columns / 4];
    }
    for (var later = columns / BLOCK + 1; later < size / BLOCK; later++) {
      sum += row_parts[later * lines + columns / 4];
    }
    let is_below = is_after(columns, params.column);
    let along = select(vec4f(), (sum - beta * matrix[pivot * lines + columns / 4]) * inverse, is_below);
    var v = x[columns / 4] * inverse;
    v = select(v, vec4f(select(0f, 1f, is_turned)), is_line(columns, pivot));
    product[columns / 4] = along;
    vectors[columns / 4] = v;
    part += v * along;
  }
  let to_scalars = lines + 4 * PANEL_VECTORS;
  product[to_scalars + 1 + id.x] = part;
  if (id.x == 0) {
    let tau = select(0, (beta - x1) / select(1, beta, is_turned), is_turned);
    product[to_scalars] = vec4f(tau, 0, 0, 0);
    tridiagonal[size + params.column] = beta;
    tridiagonal[2 * size + params.column] = tau;
  }
}
