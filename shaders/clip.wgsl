// hidden_states ← min(max(hidden_states, −limit), limit), elementwise and in place (clip_qkv of OLMo, arXiv 2402.00838). NaN
// is told by its bits and stays: WGSL may assume that there is none, and clamp may turn it into a limit.
// One thread an element.

struct Params {
  elements: u32,
  limit: f32,
}

@group(0) @binding(0) var<storage, read_write> hidden_states: array<f32>;
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
  let x = hidden_states[i];
  if ((bitcast<u32>(x) & 0x7fffffffu) <= 0x7f800000u) {
    hidden_states[i] = clamp(x, -params.limit, params.limit);
  }
}
