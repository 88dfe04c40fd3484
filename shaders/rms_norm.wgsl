// output[r, c] = hidden_states[r, c] / sqrt(Σ_c hidden_states[r, c]² / normalized_size + eps) · weight[c] + bias[c]
// (RMSNorm, arXiv 1910.07467).
// hidden_states, output (rows, d), row-major; a row may also be a head of a longer row. One workgroup a row: see
// common/inverse_rms.wgsl. weight is read with HAS_WEIGHT only, bias with HAS_BIAS only.

struct Params {
  rows: u32,
  d: u32,
  normalized_size: f32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> hidden_states: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64; // a power of two
override HAS_WEIGHT: u32 = 1;
override HAS_BIAS: u32 = 0;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = group_id.x + group_id.y * group_count.x;
  let row = min(group, params.rows - 1u); // a spare workgroup keeps the barriers uniform and writes nothing
  let start = row * params.d;
  let scale = inverse_rms(start, lane);
  if (group >= params.rows) {
    return;
  }
  for (var c = lane; c < params.d; c += WORKGROUP_SIZE) {
    var y = hidden_states[start + c] * scale;
    if (HAS_WEIGHT == 1u) {
      y *= weight[c];
    }
    if (HAS_BIAS == 1u) {
      y += bias[c];
    }
    output[start + c] = y;
  }
}
