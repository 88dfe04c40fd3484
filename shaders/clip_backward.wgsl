// The gradient of a clip to ± limit, in place: 0 where |clipped| reaches the limit. One thread an element.

struct Params {
  elements: u32,
  limit: f32,
}

@group(0) @binding(0) var<storage, read> clipped: array<f32>;
@group(0) @binding(1) var<storage, read_write> gradient: array<f32>;
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
  if (abs(clipped[i]) >= params.limit) {
    gradient[i] = 0.0;
  }
}
