// output = codes ⊙ scales + minimums: (rows, d), row-major; scales, minimums (rows, groups), of `group` places each, a place being a
// column, or with HAS_ORDER the column order[place]. One thread a place.

struct Params {
  rows: u32,
  d: u32,
  group: u32,
  groups: u32,
}

@group(0) @binding(0) var<storage, read> codes: array<f32>;
@group(0) @binding(1) var<storage, read> scales: array<f32>;
@group(0) @binding(2) var<storage, read> minimums: array<f32>;
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override HAS_ORDER: u32 = 0;
override HAS_MINIMUMS: u32 = 0;
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
  var y = codes[at] * scales[share];
  if (HAS_MINIMUMS == 1u) {
    y += minimums[share];
  }
  output[at] = y;
}
