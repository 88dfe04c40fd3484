// eigenvectors[:, j] = ±vectors[order[j], :], with the sign that makes the component of largest magnitude positive (the
// first of them on a tie). vectors (size, size) is Vᵀ, order (n), eigenvectors (n, n). One invocation a column.

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
  let n = params.n;
  let column = id.x;
  if (column >= n) {
    return;
  }
  let first = order[column] * params.size;
  var largest = 0.0;
  for (var row = 0u; row < n; row++) {
    let value = vectors[first + row];
    largest = select(largest, value, abs(value) > abs(largest));
  }
  let turn = select(1f, -1f, largest < 0);
  for (var row = 0u; row < n; row++) {
    eigenvectors[row * n + column] = turn * vectors[first + row];
  }
}
