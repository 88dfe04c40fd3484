// covariance += XᵀX on and above the diagonal, for any n: the twin of covariance.wgsl for n that is no multiple of 4.
// hidden_states X (rows, n), covariance (n, n), row-major. One thread an element; sums over chunks of CHUNK rows.

struct Params {
  rows: u32,
  n: u32,
  summation: u32,
}

@group(0) @binding(0) var<storage, read> hidden_states: array<f32>;
@group(0) @binding(1) var<storage, read_write> covariance: array<f32>;
@group(0) @binding(2) var<storage, read_write> low: array<f32>; // not used by SUMMATION_PLAIN
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_X: u32 = 8;
override WORKGROUP_Y: u32 = 8;
override CHUNK: u32 = 256;

@compute @workgroup_size(WORKGROUP_X, WORKGROUP_Y)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let row = thread.y;
  let col = thread.x;
  if (col >= params.n || row > col) {
    return;
  }
  let at = row * params.n + col;
  var total = Pair(vec4f(covariance[at]), vec4f());
  if (params.summation != SUMMATION_PLAIN) {
    total.low = vec4f(low[at]);
  }
  for (var start = 0u; start < params.rows; start += CHUNK) {
    let end = min(start + CHUNK, params.rows);
    var sum = 0.0;
    for (var k = start; k < end; k++) {
      sum += hidden_states[k * params.n + row] * hidden_states[k * params.n + col];
    }
    if (params.summation == SUMMATION_PLAIN) {
      total.high += vec4f(sum);
    } else {
      total = add_to_pair(total, vec4f(sum));
    }
  }
  covariance[at] = total.high.x;
  if (params.summation != SUMMATION_PLAIN) {
    low[at] = total.low.x;
  }
}
