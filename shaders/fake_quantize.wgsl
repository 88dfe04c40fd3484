// output = the nearest number of a group's grid: s·(clamp(round(w/s) + z) − z), or with IS_MINIMUM s·clamp(round((w − z)/s)) + z.
// weight, output (rows, d), row-major; scales, zeros (rows, groups): `group` places share one, a place being a column, or
// with HAS_ORDER the column order[place]. A scale of 0 gives 0, or z. NaN stays NaN (told by its bits). One thread a place.

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
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
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
  var zero = 0.0;
  if (HAS_ZEROS == 1u) {
    zero = zeros[share];
  }
  let w = weight[at];
  var y = 0.0;
  if (IS_MINIMUM == 1u) {
    y = zero;
  }
  if (scale != 0.0) {
    let held = clamp(grid_code(w, scale, zero), params.lowest, params.highest);
    y = select(scale * (held - zero), scale * held + zero, IS_MINIMUM == 1u);
  }
  if ((bitcast<u32>(w) & 0x7fffffffu) > 0x7f800000u) {
    y = w;
  }
  output[at] = y;
}
