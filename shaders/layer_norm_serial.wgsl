// output[r, c] = (hidden_states[r, c] − mean[r]) / sqrt(variance[r] + eps) · weight[c] + bias[c]
// (LayerNorm, arXiv 1607.06450), with the biased variance.
// The twin of layer_norm.wgsl without barriers, for software adapters, where they cost more than the arithmetic.
// hidden_states, output (rows, d), row-major. One thread a row; sums go in f32 by blocks of 32.
// weight is read with HAS_WEIGHT only, bias with HAS_BIAS only.

struct Params {
  rows: u32,
  d: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> hidden_states: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 16;
override HAS_WEIGHT: u32 = 1;
override HAS_BIAS: u32 = 1;

const BLOCK = 32u;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  if (i >= params.rows) {
    return;
  }
  let start = i * params.d;
  var total = 0.0;
  for (var first = 0u; first < params.d; first += BLOCK) {
    var sum = 0.0;
    let end = min(first + BLOCK, params.d);
    for (var c = first; c < end; c++) {
      sum += hidden_states[start + c];
    }
    total += sum;
  }
  let mean = total / f32(params.d);
  var both = vec2f(); // of the deviations and of their squares
  for (var first = 0u; first < params.d; first += BLOCK) {
    var sum = vec2f();
    let end = min(first + BLOCK, params.d);
    for (var c = first; c < end; c++) {
      let deviation = hidden_states[start + c] - mean;
      sum += vec2f(deviation, deviation * deviation);
    }
    both += sum;
  }
  let rest = both.x / f32(params.d);
  let variance = max(0.0, both.y / f32(params.d) - rest * rest);
  let scale = 1.0 / sqrt(variance + params.eps);
  for (var c = 0u; c < params.d; c++) {
    var y = (hidden_states[start + c] - mean - rest) * scale;
    if (HAS_WEIGHT == 1u) {
      y *= weight[c];
    }
    if (HAS_BIAS == 1u) {
      y += bias[c];
    }
    output[start + c] = y;
  }
}
