// matrix = scale·covariance, made symmetric from the upper triangle and padded by zeros. covariance (n, n); matrix
// (size, size). The scale is the power of two that brings the largest entry into [1, 2), so no entry changes its mantissa
// and squares neither overflow nor vanish. status[0] holds the bits of the largest entry. One invocation an entry.

struct Params {
  n: u32,
  size: u32,
}

@group(0) @binding(0) var<storage, read> covariance: array<f32>;
@group(0) @binding(1) var<storage, read> status: array<u32>;
@group(0) @binding(2) var<storage, read_write> matrix: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// 2^exponent for −126 ≤ exponent ≤ 127.
fn power_of_two(exponent: i32) -> f32 {
  return bitcast<f32>(u32(exponent + 127) << 23);
}

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y;
  let column = id.x;
  if (row >= params.size || column >= params.size) {
    return;
  }
  var value = 0.0;
  if (row < params.n && column < params.n) {
    // In two steps: the scale of a tiny matrix is itself too large for f32.
    let exponent = 127 - i32(status[0] >> 23);
    let half = exponent / 2;
    value = covariance[min(row, column) * params.n + max(row, column)];
    value = value * power_of_two(half) * power_of_two(exponent - half);
  }
  matrix[row * params.size + column] = value;
}
