// The straight-through estimator of fake_quantize, in place: 0 where the code of the weight lies outside lowest … highest, else the
// gradient as it is. Layout as in fake_quantize.wgsl. One thread a place.

struct Params {
  rows: u32,
  d: u32,
  group: u32,
  groups: u32,
  lowest: f32,
  highest: f32,
}

@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> scales: array<f32>;
@group(0) @binding(2) var<storage, read> zeros: array<f32>;
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read_write> gradient: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override HAS_ORDER: u32 = 0;
override HAS_ZEROS: u32 = 0;
override IS_MINIMUM: u32 = 0;
override WORKGROUP_SIZE: u32 = 64;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  if (i >= params.rows * params.d) {
    return;
  }
  let at_place = grid_place(i);
  let share = at_place.x;
  let at = at_place.y;
  let scale = scales[share];
  if (scale == 0.0) {
    gradient[at] = 0.0;
    return;
  }
  var zero = 0.0;
  if (HAS_ZEROS == 1u) {
    zero = zeros[share];
  }
  let code = grid_code(weight[at], scale, zero);
  if (code < params.lowest || code > params.highest) {
    gradient[at] = 0.0;
  }
}
