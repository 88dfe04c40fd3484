// output[r, c] = hidden_states[r, c] / sqrt(Σ_c hidden_states[r, c]² / normalized_size + eps) · weight[c] + bias[c]
// (RMSNorm, arXiv 1910.07467). The twin of rms_norm.wgsl without barriers, for software adapters, where they cost more
// than the arithmetic.
// hidden_states, output (rows, d), row-major. One thread a row: see common/inverse_rms_serial.wgsl.
// weight is read with HAS_WEIGHT only, bias with HAS_BIAS only.

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

override WORKGROUP_SIZE: u32 = 16;
override HAS_WEIGHT: u32 = 1;
override HAS_BIAS: u32 = 0;

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
  let scale = inverse_rms(start);
  for (var c = 0u; c < params.d; c++) {
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
