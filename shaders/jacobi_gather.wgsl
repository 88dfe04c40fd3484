// eigenvectors[:, j] = ±vectors[:, order[j]], with the sign that makes the component of largest magnitude positive (the
// first of them on a tie). vectors (size, size), order (n), eigenvectors (n, n). One invocation a column.

struct Params {
  n: u32,
  size: u32,
}

@group(0) @binding(0) var<storage, read> vectors: array<f32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read_write> eigenvectors: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 32;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let column = id.x;
  if (column >= params.n) {
    return;
  }
  let source = order[column];
  var largest = 0.0;
  for (var row = 0u; row < params.n; row++) {
    let value = vectors[row * params.size + source];
    largest = select(largest, value, abs(value) > abs(largest));
  }
  let turn = select(1.0, -1.0, largest < 0);
  for (var row = 0u; row < params.n; row++) {
    eigenvectors[row * params.n + column] = turn * vectors[row * params.size + source];
  }
}
