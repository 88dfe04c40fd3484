// Between two reflectors of a panel: ends the step of the last one and brings the next column up to date.
//   p = A·v − V·(Wᵀv) − W·(Vᵀv)         the product with the matrix as the panel has changed it
//   w = τ·(p − ½·τ·(pᵀv)·v)              H·A·H = A − v·wᵀ − w·vᵀ, H = I − τ·v·vᵀ
//   x = A[:, column] − V·W[column]ᵀ − W·V[column]ᵀ, the new v and w among them; 0 above the diagonal
// (Dongarra, Sorensen & Hammarling 1989; LAPACK's latrd). pᵀv = vᵀ(A·v) − 2·(Vᵀv)·(Wᵀv), so that nobody waits for a sum
// over p. With done = 0 there is no last reflector, with done = 32 no next column.
// matrix (size, size), of which row `column` is read: it is symmetric. x and vectors (size). Column `column − 1` of
// reflectors becomes v. tridiagonal (3, size): diagonal, off-diagonal, τ. common/tridiagonal_layout.wgsl has the others.
// One invocation four rows.

@group(0) @binding(0) var<storage, read> matrix: array<vec4f>;
@group(0) @binding(1) var<storage, read> product: array<vec4f>;
@group(0) @binding(2) var<storage, read> vectors: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> panel: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> reflectors: array<f32>;
@group(0) @binding(5) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> tridiagonal: array<f32>;

override WORKGROUP_SIZE: u32 = 64;
// Of the kernel tridiagonal_reduce, which left that many parts of vᵀ(A·v).
override REDUCED_VECTORS: u32 = 1;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let size = params.size;
  let column = params.column;
  let row = block_start(column) + 4 * id.x;
  if (row >= size) {
    return;
  }
  let lines = size / 4;
  var next = matrix[column * lines + row / 4];
  if (params.done > 0) {
    let to_vw = lines; // Vᵀv, then Wᵀv
    let to_rows = lines + 2 * PANEL_VECTORS; // row `column` of V, then of W
    let to_scalars = lines + 4 * PANEL_VECTORS;
    var p = product[row / 4];
    var p_column = product[column / 4][column % 4];
    var parts = vec4f();
    let part_count = ((size - block_start(column)) / 4 + REDUCED_VECTORS - 1) / REDUCED_VECTORS;
    for (var i = 0u; i < part_count; i++) {
      parts += product[to_scalars + 1 + i];
    }
    var quadratic = parts.x + parts.y + parts.z + parts.w;
    let last = params.done - 1;
    for (var k = 0u; k < (last + 3) / 4; k++) {
      let vv = product[to_vw + k];
      let wv = product[to_vw + PANEL_VECTORS + k];
      let v_row = product[to_rows + k];
      let w_row = product[to_rows + PANEL_VECTORS + k];
      let at = row * 2 * PANEL_VECTORS + k;
      let step = 2 * PANEL_VECTORS;
      let v = mat4x4f(panel[at], panel[at + step], panel[at + 2 * step], panel[at + 3 * step]);
      let to_w = at + PANEL_VECTORS;
      let w = mat4x4f(panel[to_w], panel[to_w + step], panel[to_w + 2 * step], panel[to_w + 3 * step]);
      p -= wv * v + vv * w;
      next -= w_row * v + v_row * w;
      p_column -= dot(v_row, wv) + dot(w_row, vv);
      quadratic -= 2 * dot(vv, wv);
    }
    let tau = product[to_scalars].x;
    let share = 0.5 * tau * quadratic;
    let v = vectors[row / 4];
    let v_column = vectors[column / 4][column % 4];
    let w = select(vec4f(), tau * (p - share * v), is_after(row + 1, column));
    let w_column = tau * (p_column - share * v_column);
    next -= v * w_column + w * v_column;
    let stride = arrayLength(&reflectors) / size;
    let is_new = is_line(last / 4 * 4, last);
    for (var i = 0u; i < 4; i++) {
      let at = (row + i) * 2 * PANEL_VECTORS + last / 4;
      panel[at] = select(panel[at], vec4f(v[i]), is_new);
      panel[at + PANEL_VECTORS] = select(panel[at + PANEL_VECTORS], vec4f(w[i]), is_new);
      reflectors[(row + i) * stride + column - 1] = v[i];
    }
  }
  if (params.done == PANEL) {
    return;
  }
  x[row / 4] = select(vec4f(), next, is_after(row, column));
  if (row / 4 == column / 4) {
    tridiagonal[column] = next[column % 4];
  }
}
