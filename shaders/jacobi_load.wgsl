// Start of the iteration: matrix = scale·covariance, made symmetric from the upper triangle and padded; vectors = I.
// covariance (n, n); matrix and vectors (size, size). The scale is the power of two that brings the largest entry into
// [1, 2), so no entry changes its mantissa and neither huge nor tiny norms overflow. A padded coordinate is decoupled: its
// only entry is −4·size on the diagonal, below every eigenvalue.
// One invocation an entry.

struct Params {
  n: u32,
  size: u32,
}

@group(0) @binding(0) var<storage, read> covariance: array<f32>;
@group(0) @binding(1) var<storage, read> status: array<u32>;
@group(0) @binding(2) var<storage, read_write> matrix: array<f32>;
@group(0) @binding(3) var<storage, read_write> vectors: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// 2^exponent for −126 ≤ exponent ≤ 127.
fn power_of_two(exponent: i32) -> f32 {
  return bitcast<f32>(u32(exponent + 127) << 23);
}

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y;
  let column = id.x;
  let size = params.size;
  if (row >= size || column >= size) {
    return;
  }
  let at = row * size + column;
  vectors[at] = select(0f, 1f, row == column);
  if (row >= params.n || column >= params.n) {
    matrix[at] = select(0f, -4 * f32(size), row == column);
    return;
  }
  let exponent = 127 - i32(status[0] >> 23);
  let half = exponent / 2;
  let value = covariance[min(row, column) * params.n + max(row, column)];
  matrix[at] = value * power_of_two(half) * power_of_two(exponent - half);
}
