// The twin of tridiagonal_project.wgsl for software adapters, where a load costs as much as a hundred multiply-adds. One
// thread computes 32 rows × 16 columns in registers, and four lanes share the loads of the left side: see
// common/tile_32x16.wgsl; a subgroup must have at least four.

enable subgroups;

override WORKGROUP_SIZE: u32 = 4; // at least 4

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
) {
  let col = (group_id.x * WORKGROUP_SIZE + thread) * 4; // in vec4
  compute_tile(group_id.y * 32, col, subgroup_lane % 4, params.first / 4, (params.rows + 3) / 4);
}

// The left side at four steps of k from 4 · kk on, a row a step, and at four rows of output. Each of four lanes loads one
// step and hands it to the others; steps beyond the last are zero.
fn left(row: u32, kk: u32, lane: u32) -> mat4x4f {
  let step = 4u * kk + lane;
  let own = left_step(min(step, last_step()), min(row / 4u, left_columns() - 1u));
  return transpose(share(select(vec4f(), own, step <= last_step())));
}
