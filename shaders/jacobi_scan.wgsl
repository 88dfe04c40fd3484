// Largest |entry| of the upper triangle as bits: status[0] = max bits(|covariance[i, j]|), i ≤ j. Bits of non-negative
// floats order as integers, so one atomicMax finds the scale, and NaN and infinity show as values ≥ 0x7f800000.
// covariance (n, n). One invocation a column.

struct Params {
  n: u32,
}

@group(0) @binding(0) var<storage, read> covariance: array<u32>;
@group(0) @binding(1) var<storage, read_write> status: array<atomic<u32>>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 32;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let n = params.n;
  let column = id.x;
  if (column >= n) {
    return;
  }
  var largest = 0u;
  var at = column;
  for (var row = 0u; row <= column; row++) {
    largest = max(largest, covariance[at] & 0x7fffffff);
    at += n;
  }
  atomicMax(&status[0], largest);
}
