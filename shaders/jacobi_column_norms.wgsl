// norms[j] = (Σ_{i≠j} a_ij², a_jj²) for the columns of the symmetric matrix (size, size); columns from n on are padding and
// count 0. One invocation a column, so neighbours read neighbouring words.

struct Params {
  n: u32,
  size: u32,
}

@group(0) @binding(0) var<storage, read> status: array<u32>;
@group(0) @binding(1) var<storage, read> matrix: array<f32>;
@group(0) @binding(2) var<storage, read_write> norms: array<vec2f>;
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
  var at = column;
  for (var row = 0u; row < n; row++) {
    let value = matrix[at];
    off += select(value * value, 0.0, row == column);
    at += size;
  }
  let diagonal = matrix[column * size + column];
  norms[column] = vec2f(off, diagonal * diagonal);
}
