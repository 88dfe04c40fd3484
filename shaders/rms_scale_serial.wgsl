// output[r] = 1 / sqrt(Σ_c hidden_states[r, c]² / normalized_size + eps): what RMSNorm (arXiv 1910.07467) multiplies a row by.
// The twin of rms_scale.wgsl without barriers, for software adapters, where they cost more than the arithmetic.
// hidden_states (rows, d), row-major, output (rows). One thread a row: see common/inverse_rms_serial.wgsl.

struct Params {
  rows: u32,
  d: u32,
  normalized_size: f32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> hidden_states: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 16;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  if (row < params.rows) {
    output[row] = inverse_rms(row * params.d);
  }
}
