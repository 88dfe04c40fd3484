// norms[j] = (Σ a_ij², a_jj², Σ a_ij²/(d_i·d_j), 0), sums over i ≠ j, d_i = max(|a_ii|, FLOOR), for the columns of the
// symmetric matrix (size, size); columns from n on are padding. The third is what the small eigenvalues of a graded
// matrix converge by: an entry that is nothing beside ‖A‖ may be much beside their own size (Demmel & Veselić, 1992).
// One invocation a column, so neighbours read neighbouring words.

// Of entries scaled to at most 2; below it the entries of f32 matrices are noise.
const FLOOR: f32 = 1e-10;

struct Params {
  n: u32,
  size: u32,
}

@group(0) @binding(0) var<storage, read> status: array<u32>;
@group(0) @binding(1) var<storage, read> matrix: array<f32>;
@group(0) @binding(2) var<storage, read_write> norms: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 32;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let n = params.n;
  let size = params.size;
  let column = id.x;
  if (column >= n || status[1] != 0) {
    return;
  }
  var off = 0.0;
  var scaled = 0.0;
  var at = column;
  var diagonal_at = 0u;
  for (var row = 0u; row < n; row++) {
    let value = select(matrix[at], 0f, row == column);
    let square = value * value;
    off += square;
    scaled += square / max(abs(matrix[diagonal_at]), FLOOR);
    at += size;
    diagonal_at += size + 1;
  }
  let diagonal = matrix[column * (size + 1)];
  norms[column] = vec4f(off, diagonal * diagonal, scaled / max(abs(diagonal), FLOOR), 0);
}
