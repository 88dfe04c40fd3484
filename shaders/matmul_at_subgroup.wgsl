// output = aᵀ · b: the twin of matmul_at.wgsl for software adapters, where a load
// costs as much as a hundred multiply-adds, and long code twice as much as short. One thread computes a panel of rows at 8
// columns, and the lanes of a quad share the loads of the left side: see common/row_panel.wgsl.
// Accumulates in f32: what 64 steps of k give is added to the output, in order.

enable subgroups;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;

override WORKGROUP_SIZE: u32 = 4; // a multiple of 4: whole quads

fn last_step() -> u32 {
  return params.k - 1u;
}

fn left_columns() -> u32 {
  return params.a_stride;
}

fn left_value(at: u32) -> f32 {
  return a[at];
}

fn right_step(step: u32, column: u32) -> vec4f {
  return b[step * (params.b_stride / 4u) + column];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
) {
  let col = (group_id.x * WORKGROUP_SIZE + thread) * 2u; // in vec4
  let rows = (params.m + groups.y - 1u) / groups.y;
  let first = min(group_id.y * rows, params.m);
  compute_panel(first, min(first + rows, params.m), col, subgroup_lane & 3u);
}
