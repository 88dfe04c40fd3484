// eigenvectors[:, j] = ±turned[:, j], with the sign that makes the component of largest magnitude positive (the first of
// them on a tie). turned (size, size), of which the first n rows and columns count; eigenvectors (n, n). One invocation a
// column, so neighbours read neighbouring words.

struct Params {
  n: u32,
  size: u32,
}

@group(0) @binding(0) var<storage, read> turned: array<f32>;
@group(0) @binding(1) var<storage, read_write> eigenvectors: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 32;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let n = params.n;
  let column = id.x;
  if (column >= n) {
    return;
  }
  var largest = 0.0;
  for (var row = 0u; row < n; row++) {
    let value = turned[row * params.size + column];
    largest = select(largest, value, abs(value) > abs(largest));
  }
  let sign = select(1f, -1f, largest < 0);
  for (var row = 0u; row < n; row++) {
    eigenvectors[row * n + column] = sign * turned[row * params.size + column];
  }
}
