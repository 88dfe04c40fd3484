// output[r] = 1 / sqrt(Σ_c hidden_states[r, c]² / normalized_size + eps): what RMSNorm (arXiv 1910.07467) multiplies a row by.
// hidden_states (rows, d), row-major, output (rows). One workgroup a row: see common/inverse_rms.wgsl.

struct Params {
  rows: u32,
  d: u32,
  normalized_size: f32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> hidden_states: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64; // a power of two

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = group_id.x + group_id.y * group_count.x;
  let row = min(group, params.rows - 1u); // a spare workgroup keeps the barriers uniform and writes nothing
  let scale = inverse_rms(row * params.d, lane);
  if (lane == 0u && group < params.rows) {
    output[row] = scale;
  }
}
