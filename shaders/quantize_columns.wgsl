// output[r, c] = scale[c] · (clamp(round(x / scale[c]) + zero[c], 0, levels) − zero[c]): each column on a fixed grid of its own
// (RPTQ, arXiv 2304.01089). x = hidden_states[r, c]; NaN stays (told by its bits: WGSL may assume that there is none).
// hidden_states, output (rows, d), row-major; scale, zero (d). One thread an element.

struct Params {
  elements: u32,
  d: u32,
  levels: f32,
}

@group(0) @binding(0) var<storage, read> hidden_states: array<f32>;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read> zero: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  if (i >= params.elements) {
    return;
  }
  let c = i % params.d;
  let x = hidden_states[i];
  var y = scale[c] * (clamp(round(x / scale[c]) + zero[c], 0.0, params.levels) - zero[c]);
  if ((bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u) {
    y = x;
  }
  output[i] = y;
}
