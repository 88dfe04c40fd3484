// The twin of tridiagonal_update.wgsl for software adapters, where a load costs as much as a hundred multiply-adds. One
// thread computes 32 rows × 16 columns in registers, and four lanes share the loads of the left side: see
// common/tile_32x16.wgsl; a subgroup must have at least four.

enable subgroups;

override WORKGROUP_SIZE: u32 = 4; // at least 4

fn left(row: u32, kk: u32, lane: u32) -> mat4x4f {
  return share(left_vector(row + lane, kk));
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
) {
  let row = params.first_row + group_id.y * 32;
  let column = params.first_column + (group_id.x * WORKGROUP_SIZE + thread) * 16;
  // The last column of the workgroup decides, so that its lanes stay together.
  if (params.is_upper == 1 && params.first_column + (group_id.x + 1) * WORKGROUP_SIZE * 16 <= row) {
    return;
  }
  compute_tile(row, column / 4, subgroup_lane % 4, 0, params.k_count / 4);
}
