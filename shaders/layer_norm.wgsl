// output[r, c] = (hidden_states[r, c] − mean[r]) / sqrt(variance[r] + eps) · weight[c] + bias[c]
// (LayerNorm, arXiv 1607.06450), with the biased variance.
// In two passes, the second of which also gives what the first mean is wrong by (the corrected two-pass algorithm of Chan,
// Golub and LeVeque, 1983), so that a mean far above the deviation costs no precision.
// hidden_states, output (rows, d), row-major. One workgroup a row: each thread sums every WORKGROUP_SIZE-th term in f32, then
// a tree adds the threads' sums. weight is read with HAS_WEIGHT only, bias with HAS_BIAS only.

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

override WORKGROUP_SIZE: u32 = 64; // a power of two
override HAS_WEIGHT: u32 = 1;
override HAS_BIAS: u32 = 1;

var<workgroup> sums: array<vec2f, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = group_id.x + group_id.y * group_count.x;
  let row = min(group, params.rows - 1u); // a spare workgroup keeps the barriers uniform and writes nothing
  let start = row * params.d;
  var sum = 0.0;
  for (var c = lane; c < params.d; c += WORKGROUP_SIZE) {
    sum += hidden_states[start + c];
  }
  sums[lane].x = sum;
  workgroupBarrier();
  for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      sums[lane].x += sums[lane + half].x;
    }
    workgroupBarrier();
  }
  let mean = sums[0].x / f32(params.d);
  workgroupBarrier();

  var both = vec2f(); // of the deviations and of their squares
  for (var c = lane; c < params.d; c += WORKGROUP_SIZE) {
    let deviation = hidden_states[start + c] - mean;
    both += vec2f(deviation, deviation * deviation);
  }
  sums[lane] = both;
  workgroupBarrier();
  for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
    workgroupBarrier();
  }
  if (group >= params.rows) {
    return;
  }
  let rest = sums[0].x / f32(params.d);
  let variance = max(0.0, sums[0].y / f32(params.d) - rest * rest);
  let scale = 1.0 / sqrt(variance + params.eps);
  for (var c = lane; c < params.d; c += WORKGROUP_SIZE) {
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
